{# What is told of a person beside the rows of tables, compiled together, since dbt takes seconds to start. The person stands in
   erasure_identifiers, by all that an erasure would know them by. #}

{% set staged %}
select identifier_value

from {{ ref("cdp__erasure_identifiers") }}

where stage = 'access'
{% endset %}

{# Every canonical id that was theirs, the present one first. #}
{% set ids %}
select
    canonical_id,
    status,
    assigned_at

from {{ ref("cdp__canonical_id_history") }}

where canonical_id in ({{ staged }} and identifier_type = 'canonical_id')

order by
    case status when 'current' then 0 when 'merged' then 1 else 2 end,
    assigned_at,
    canonical_id
{% endset %}

{# One row an identifier and source; those without a source are there by a decision alone. #}
{% set identifiers %}
with

graph as (

    select * from {{ ref("cdp__identity_graph") }}

    where canonical_id in ({{ staged }} and identifier_type = 'canonical_id')

),

members as (

    select distinct
        members.identifier_id,
        members.tuple_key

    from graph

    inner join {{ ref("int_cdp__tuple_members") }} as members on graph.identifier_id = members.identifier_id

),

counts as (

    select
        members.identifier_id,
        observations.source,
        sum(observations.event_count) as event_count

    from members

    inner join {{ ref("int_cdp__identity_observations") }} as observations on members.tuple_key = observations.tuple_key

    where observations.event_count > 0

    group by members.identifier_id, observations.source

)

select
    graph.identifier_type,
    graph.identifier_value,
    graph.first_seen,
    graph.last_seen,
    counts.source,
    counts.event_count

from graph

left join counts on graph.identifier_id = counts.identifier_id

order by
    {{ cdp.cdp_type_setting("graph.identifier_type", "priority") }},
    graph.identifier_type,
    graph.identifier_value,
    counts.source
{% endset %}

{# Which sources have said something of the person: read where it outlives the events. #}
{% set sources %}
select
    source,
    origin,
    sum(event_count) as event_count,
    min(first_seen) as first_seen,
    max(last_seen) as last_seen

from {{ ref("int_cdp__identity_observations") }}

where
    event_count > 0
    and tuple_key in ({{ staged }} and identifier_type = 'tuple_key')

group by source, origin

order by source, origin
{% endset %}

{{ tojson({
    "queries": {"ids": ids, "identifiers": identifiers, "sources": sources},
    "purposes": cdp.cdp_consent().keys() | list,
    "retention": cdp.cdp_retention(),
}) }}
