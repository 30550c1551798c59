{# What an erasure asks, compiled together, since dbt takes seconds to start. Whom it is about stands in erasure_identifiers, never in
   the text of a query. #}

{% set text = dbt.type_string() %}

{# Whom the identifiers of a request mean, one row each: in normal form, with the person, or why there is none. Parameter: the
   request. #}
{% set reasons = {} %}
{% for type in cdp.cdp_identifier_types() %}
{% do reasons.update({type.name: cdp.cdp_block_reason(type.form, "asked.identifier_value")}) %}
{% endfor %}
{% set asked %}
select
    asked.request_id,
    asked.identifier_type,
    asked.identifier_value,
    graph.canonical_id,
    coalesce(graph.is_shared, false) as is_shared,
    case
        when graph.identifier_id is null
            then
                coalesce(
                    {{ cdp.cdp_by_type("asked.identifier_type", reasons) }},
                    case when blocked.identifier_value is not null then 'on the block list' end,
                    case when blocked_always.identifier_value is not null then 'on the block list' end
                )
    end as block_reason

from (
    select
        request_id,
        identifier_type,
        {{ cdp.cdp_normal_form("identifier_type", "identifier_value") }} as identifier_value

    from {{ ref("cdp__erasure_identifiers") }}

    where
        stage in ('asked', 'approved')
        and identifier_type <> 'canonical_id'
) as asked

left join {{ ref("cdp__identity_graph") }} as graph
    on
        asked.identifier_type = graph.identifier_type
        and asked.identifier_value = graph.identifier_value

left join {{ ref("int_cdp__blocked_values") }} as blocked
    on
        asked.identifier_type = blocked.identifier_type
        and lower(asked.identifier_value) = blocked.identifier_value
        and blocked.is_live

left join {{ ref("int_cdp__blocked_values") }} as blocked_always
    on
        blocked_always.identifier_type = '*'
        and lower(asked.identifier_value) = blocked_always.identifier_value
        and blocked_always.is_live

union all

select
    asked.request_id,
    asked.identifier_type,
    asked.identifier_value,
    history.current_canonical_id as canonical_id,
    false as is_shared,
    cast(null as {{ text }}) as block_reason

from {{ ref("cdp__erasure_identifiers") }} as asked

left join {{ ref("cdp__canonical_id_history") }} as history on asked.identifier_value = history.canonical_id

where
    asked.stage in ('asked', 'approved')
    and asked.identifier_type = 'canonical_id'
{% endset %}

{% set people %}
select distinct
    request_id,
    canonical_id

from ({{ asked }}) as asked

where canonical_id is not null
{% endset %}

{# All that the people of the requests are known by: every identifier but shared ones, the keys of tables, and every canonical id that
   was theirs. A record is theirs by its own id, which may stand there with a stronger one. #}
{% set found %}
select
    people.request_id,
    graph.identifier_type,
    graph.identifier_value

from ({{ people }}) as people

inner join {{ ref("cdp__identity_graph") }} as graph on people.canonical_id = graph.canonical_id

union distinct

select
    request_id,
    identifier_type,
    identifier_value

from ({{ asked }}) as asked

where
    not is_shared
    and block_reason is null

union distinct

select
    people.request_id,
    'canonical_id' as identifier_type,
    history.canonical_id as identifier_value

from ({{ people }}) as people

inner join {{ ref("cdp__canonical_id_history") }} as history on people.canonical_id = history.current_canonical_id

union distinct

select
    people.request_id,
    'identifier_id' as identifier_type,
    cast(graph.identifier_id as {{ text }}) as identifier_value

from ({{ people }}) as people

inner join {{ ref("cdp__identity_graph") }} as graph on people.canonical_id = graph.canonical_id

union distinct

select
    people.request_id,
    'tuple_key' as identifier_type,
    tuples.tuple_key as identifier_value

from ({{ people }}) as people

inner join {{ ref("int_cdp__tuple_people") }} as tuples on people.canonical_id = tuples.canonical_id

union distinct

select
    people.request_id,
    'tuple_key' as identifier_type,
    members.tuple_key as identifier_value

from ({{ people }}) as people

inner join {{ ref("cdp__identity_graph") }} as graph on people.canonical_id = graph.canonical_id

inner join {{ ref("int_cdp__tuple_members") }} as members on graph.identifier_id = members.identifier_id

inner join {{ ref("int_cdp__identity_observations") }} as records
    on
        members.tuple_key = records.tuple_key
        and members.raw_value = records.evidence_id
        and records.origin = 'record'
{% endset %}

{# Takes down what was found, as far as it is not there. Parameters: the stage, and whose requests are meant: {requests}. #}
{% set entry_id = cdp.cdp_hash_key(["wanted.stage", "found.request_id", "found.identifier_type", "found.identifier_value"]) %}
{% set stage_found %}
insert into {{ ref("cdp__erasure_identifiers") }} (entry_id, request_id, identifier_type, identifier_value, stage)
select
    {{ entry_id }} as entry_id,
    found.request_id,
    found.identifier_type,
    found.identifier_value,
    wanted.stage

from ({{ found }}) as found

cross join (select cast(? as {{ text }}) as stage) as wanted

where
    found.request_id in ({requests})
    and {{ entry_id }} not in (select known.entry_id from {{ ref("cdp__erasure_identifiers") }} as known)
{% endset %}

{% set approved %}
select asked.request_id

from {{ ref("cdp__erasure_identifiers") }} as asked

where asked.stage = 'approved'
{% endset %}

{# The shared identifiers that were seen with those of the people who are being erased, and whether anybody else is known by them. Those
   stay shared; the others are as much the people's as what they do not share. #}
{% set shared %}
with

erased as (

    select
        request_id,
        case
            when identifier_type = 'identifier_id'
                then cast(identifier_value as {{ dbt.type_bigint() }})
        end as identifier_id

    from {{ ref("cdp__erasure_identifiers") }}

    where
        stage = 'running'
        and identifier_type = 'identifier_id'

),

links as (

    select
        node_a as node,
        node_b as neighbour

    from {{ ref("int_cdp__edges") }}

    where is_live

    union all

    select
        node_b as node,
        node_a as neighbour

    from {{ ref("int_cdp__edges") }}

    where is_live

),

graph as (

    select * from {{ ref("cdp__identity_graph") }}

),

shared as (

    select distinct
        erased.request_id,
        graph.identifier_id,
        graph.identifier_type,
        graph.identifier_value

    from erased

    inner join links on erased.identifier_id = links.node

    inner join graph on links.neighbour = graph.identifier_id

    where graph.is_shared

),

others as (

    select distinct links.node as identifier_id

    from links

    inner join graph on links.neighbour = graph.identifier_id

    left join erased on links.neighbour = erased.identifier_id

    where
        links.node in (select shared.identifier_id from shared)
        and graph.canonical_id is not null
        and erased.identifier_id is null

)

select
    shared.request_id,
    shared.identifier_type,
    shared.identifier_value,
    cast(shared.identifier_id as {{ text }}) as identifier_id,
    others.identifier_id is not null as is_of_others

from shared

left join others on shared.identifier_id = others.identifier_id
{% endset %}

{# How many rows of {table} hold something that was searched for, by request: a number for each text of {texts}. {hits} says whether
   any does.   #}
{% set search %}
select
    wanted.request_id,
    {counts}

from (
    select
        {{ cdp.cdp_uuid() }} as row_id,
        {texts}

    from {table}
) as texts

inner join (
    select distinct
        request_id,
        lower(identifier_value) as value,
        identifier_type = 'whole' as is_whole

    from {{ ref("cdp__erasure_identifiers") }}

    where stage = 'search'
) as wanted on {hits}

group by wanted.request_id
{% endset %}

{# Takes down who of the suppressed is named in {named}, a query of identifier_type and identifier_value in its normal form: after a
   request is confirmed only the digests know. Parameter: the stage. #}
{% set stage_suppressed %}
insert into {{ ref("cdp__erasure_identifiers") }} (entry_id, request_id, identifier_type, identifier_value, stage)
select distinct
    {{ cdp.cdp_hash_key(["wanted.stage", "suppressions.request_id", "named.identifier_type", "named.identifier_value"]) }} as entry_id,
    suppressions.request_id,
    named.identifier_type,
    named.identifier_value,
    wanted.stage

from ({named}) as named

cross join {{ ref("cdp__suppression_keys") }} as suppression_keys

cross join (select cast(? as {{ text }}) as stage) as wanted

inner join {{ ref("cdp__suppressions") }} as suppressions
    on
        suppression_keys.key_id = suppressions.key_id
        and suppressions.digest = {{ cdp.cdp_keyed_digest(
            "suppression_keys.secret", "named.identifier_type", "named.identifier_value"
        ) }}

where suppressions.lifted_at is null
{% endset %}

{# What nobody is known to have done, with an identifier that goes: it was shared with nobody who stays. #}
{% set nobodys %}
select distinct
    erased.request_id,
    'tuple_key' as identifier_type,
    members.tuple_key as identifier_value

from {{ ref("cdp__erasure_identifiers") }} as erased

inner join {{ ref("int_cdp__tuple_members") }} as members
    on erased.identifier_value = cast(members.identifier_id as {{ text }})

inner join {{ ref("int_cdp__tuple_people") }} as tuples on members.tuple_key = tuples.tuple_key

where
    erased.stage = 'running'
    and erased.identifier_type = 'identifier_id'
    and tuples.canonical_id is null
{% endset %}

{# How each type is normalised, strongest first, of equals by the name, as when events are attributed; {x} is the value. #}
{% set normal_forms = {} %}
{% for type in cdp.cdp_identifier_types() | sort(attribute="name") | sort(attribute="priority") %}
{% do normal_forms.update({type.name: cdp.cdp_normalize_identifier(type.form, "cast({x} as " ~ text ~ ")")}) %}
{% endfor %}

{# The form of each type, see cdp_normalize_identifier, for what is compared outside of the warehouse; and where retention archives. #}
{% set forms = {} %}
{% for type in cdp.cdp_identifier_types() %}
{% do forms.update({type.name: type.form}) %}
{% endfor %}
{% set archives = [] %}
{% set retention = cdp.cdp_retention() %}
{% for policy in ([retention.default] + (retention.sources.values() | list) if retention else []) %}
{% do archives.append(policy.archive) if policy.archive not in [none] + archives %}
{% endfor %}

{# An event that names fewer people is one of another group (see cdp_group_key), as if an earlier version of it had come late. {batch} is
   the number of a build. #}
{% set tuple_key = cdp.cdp_hash_key(cdp.cdp_event_identifiers()) %}
{% set moved %}
update {{ ref("cdp__raw_events") }}
set
    superseded_groups = {{ dbt.concat(["coalesce(superseded_groups, '')", "group_key", "';'"]) }},
    tuple_key = {{ tuple_key }},
    group_key = {{ cdp.cdp_group_key(tuple_key, "source", "timestamp") }},
    batch_id = {batch}
where tuple_key <> {{ tuple_key }}
{% endset %}

{# What the person's events and records alone have said goes with them, though it names nobody: values that are blocked, or were
   withdrawn. #}
{% set unused_identifiers %}
delete from {{ ref("int_cdp__identifiers") }} as identifiers
where not exists (
    select 1

    from {{ ref("int_cdp__identifier_tuples") }} as tuples

    where
        tuples.identifier_type = identifiers.identifier_type
        and tuples.raw_value = identifiers.raw_value
)
{% endset %}
{% set unused_keys %}
delete from {{ ref("int_cdp__identifier_keys") }} as identifier_keys
where
    not exists (
        select 1

        from {{ ref("int_cdp__identifiers") }} as identifiers

        where
            identifiers.identifier_type = identifier_keys.identifier_type
            and identifiers.identifier_value = identifier_keys.identifier_value
    )
    {%- for side in ["a", "b"] %}
    and not exists (
        select 1

        from {{ ref("int_cdp__decisions") }} as decisions

        where
            decisions.identifier_type_{{ side }} = identifier_keys.identifier_type
            and decisions.identifier_value_{{ side }} = identifier_keys.identifier_value
    )
    {%- endfor %}
{% endset %}
{% set unused_edges %}
delete from {{ ref("int_cdp__edges") }}
where
    node_a not in (select identifier_keys.identifier_id from {{ ref("int_cdp__identifier_keys") }} as identifier_keys)
    or node_b not in (select identifier_keys.identifier_id from {{ ref("int_cdp__identifier_keys") }} as identifier_keys)
{% endset %}

{{ tojson({
    "queries": {"asked": asked, "found": found, "shared": shared, "nobodys": nobodys},
    "moved": moved,
    "unused": [unused_identifiers, unused_keys, unused_edges],
    "stage_found": stage_found,
    "approved": approved,
    "normal_forms": normal_forms,
    "forms": forms,
    "archives": archives,
    "origins": cdp.cdp_origins(),
    "md5": dbt.hash("identifier_value"),
    "position": dbt.position("?", "lower({x})"),
    "is_before": cdp.cdp_try_timestamp("{x}") ~ " < cast('{day}' as " ~ dbt.type_timestamp() ~ ")",
    "instant": cdp.cdp_try_timestamp("{x}"),
    "search": search,
    "search_text": "lower(" ~ cdp.cdp_json_from("{x}") ~ ")",
    "search_hit": "case when wanted.is_whole then {x} = wanted.value else " ~ dbt.position("wanted.value", "{x}") ~ " > 0 end",
    "stage_suppressed": stage_suppressed,
    "digest": cdp.cdp_keyed_digest("salts.cdp_salt", "'{type}'", "{x}"),
    "text": text,
}) }}
