{# What `cdp profile` asks, compiled together, since dbt takes seconds to start. A parameter (?) is the person's canonical
   id where nothing else is said. #}

{# One row, also of a person whom no profile has been made of yet. #}
{% set profile %}
with

asked as (

    select cast(? as {{ dbt.type_string() }}) as canonical_id

)

select
    profiles.email,
    profiles.name,
    profiles.company,
    profiles.account_id,
    profiles.first_seen,
    profiles.last_active,
    profiles.is_identified,
    coalesce(profiles.attribute_conflicts, 0) as attribute_conflicts,
    profiles.attributes,
    profiles.attribute_sources,
    profiles.traits,
    profiles.scores

from asked

left join {{ ref("cdp__user_profiles") }} as profiles on asked.canonical_id = profiles.canonical_id
{% endset %}

{# The pair of an identifier with itself holds what showed it first. #}
{% set identifiers %}
select
    graph.identifier_id,
    graph.identifier_type,
    graph.identifier_value,
    graph.first_seen,
    graph.last_seen,
    graph.event_count,
    sightings.rule,
    sightings.source,
    sightings.evidence_id

from {{ ref("cdp__identity_graph") }} as graph

inner join {{ ref("int_cdp__edges") }} as sightings
    on
        graph.identifier_id = sightings.node_a
        and graph.identifier_id = sightings.node_b

where graph.canonical_id = ?

order by
    {{ cdp.cdp_type_setting("graph.identifier_type", "priority", types) }},
    graph.identifier_type,
    graph.last_seen desc nulls last,
    graph.identifier_value
{% endset %}

{# How many events and records each source gave with an identifier. One that is spelled in two ways is in a tuple twice. #}
{% set sources %}
with

members as (

    select distinct
        members.identifier_id,
        members.tuple_key

    from {{ ref("cdp__identity_graph") }} as graph

    inner join {{ ref("int_cdp__tuple_members") }} as members on graph.identifier_id = members.identifier_id

    where graph.canonical_id = ?

)

select
    members.identifier_id,
    observations.source,
    sum(observations.event_count) as event_count

from members

inner join {{ ref("int_cdp__identity_observations") }} as observations on members.tuple_key = observations.tuple_key

where observations.event_count > 0

group by members.identifier_id, observations.source

order by event_count desc, observations.source
{% endset %}

{% set links %}
with

graph as (

    select * from {{ ref("cdp__identity_graph") }}

    where canonical_id = ?

)

select
    links.node_a,
    links.node_b,
    links.event_count,
    links.first_seen,
    links.last_seen,
    links.rule,
    links.source,
    links.evidence_id

from {{ ref("int_cdp__links") }} as links

inner join graph as side_a on links.node_a = side_a.identifier_id

inner join graph as side_b on links.node_b = side_b.identifier_id

where links.is_live

order by
    links.tier,
    links.event_count desc,
    links.first_seen,
    side_a.identifier_type,
    side_a.identifier_value,
    side_b.identifier_type,
    side_b.identifier_value
{% endset %}

{# The types of the events that identifiers and links were seen in first, by one scan of the events. #}
{% set evidence %}
with

evidence as (

    select distinct
        edges.source,
        edges.evidence_id

    from {{ ref("cdp__identity_graph") }} as graph

    inner join {{ ref("int_cdp__edges") }} as edges on graph.identifier_id = edges.node_a

    where
        graph.canonical_id = ?
        and edges.rule = 'event'

)

select
    events.source,
    events.event_id,
    events.event_type

from evidence

inner join {{ ref("cdp__raw_events") }} as events
    on
        evidence.evidence_id = events.event_id
        and evidence.source = events.source
{% endset %}

{% set memberships %}
select
    segment_name,
    entered_at,
    exited_at,
    entered_by,
    exited_by

from {{ ref("cdp__segments") }}

where canonical_id = ?

order by
    case when exited_at is null then 0 else 1 end,
    entered_at desc,
    segment_name
{% endset %}

{% set consents %}
select
    purpose,
    is_granted,
    said_at,
    source

from {{ ref("cdp__consents") }}

where canonical_id = ?

order by purpose
{% endset %}

{# Merges and splits, also of the ids that have been merged into the person's. #}
{% set changes %}
with

ids as (

    select canonical_id

    from {{ ref("cdp__canonical_id_history") }}

    where current_canonical_id = ?

)

select
    changes.change,
    changes.changed_at,
    changes.canonical_id,
    changes.other_canonical_id,
    changes.rule,
    changes.source,
    changes.evidence_id,
    keys_a.identifier_type as identifier_type_a,
    keys_a.identifier_value as identifier_value_a,
    keys_b.identifier_type as identifier_type_b,
    keys_b.identifier_value as identifier_value_b

from {{ ref("int_cdp__id_changes") }} as changes

left join {{ ref("int_cdp__identifier_keys") }} as keys_a on changes.node_a = keys_a.identifier_id

left join {{ ref("int_cdp__identifier_keys") }} as keys_b on changes.node_b = keys_b.identifier_id

where
    changes.canonical_id in (select ids.canonical_id from ids)
    or changes.other_canonical_id in (select ids.canonical_id from ids)

order by changes.changed_at desc, changes.change, changes.other_canonical_id
{% endset %}

{% set events %}
select
    event_id,
    timestamp,
    source,
    event_type,
    page_path,
    properties,
    traits

from {{ ref("cdp__resolved_events") }}

where canonical_id = ?

order by timestamp desc, source, event_id

limit 20
{% endset %}

{# Days with events, read where they outlive the events. #}
{% set days %}
select
    cast(observations.first_seen as date) as active_date,
    sum(observations.event_count) as event_count

from {{ ref("int_cdp__tuple_people") }} as people

inner join {{ ref("int_cdp__identity_observations") }} as observations on people.tuple_key = observations.tuple_key

where
    people.canonical_id = ?
    and observations.origin = 'event'
    and observations.event_count > 0

group by 1

order by 1
{% endset %}

{{ tojson({
    "queries": {
        "found": found,
        "shared_by": shared_by,
        "profile": profile,
        "identifiers": identifiers,
        "sources": sources,
        "links": links,
        "evidence": evidence,
        "memberships": memberships,
        "consents": consents,
        "changes": changes,
        "events": events,
        "days": days,
    },
    "types": types,
    "traits": cdp.cdp_traits(),
    "segments": cdp.cdp_segments(),
}) }}
