{# What `cdp segments` asks, compiled together, since dbt takes seconds to start. Queries whose names end in _person and
   _account are of the segments of people and of accounts. #}

{# A row for every segment that has been measured in the last week: how many are in it, none where the last build knew nothing
   of it, and how many have entered and left in that week. #}
{% set sizes %}
with

sizes as (

    select
        coalesce(entity, 'person') as entity,
        segment_name,
        measured_at,
        members,
        entered,
        exited,
        max(measured_at) over () as last_measured_at

    from {{ ref("cdp__segment_sizes") }}

)

select
    entity,
    segment_name,
    max(case when measured_at = last_measured_at then members end) as members,
    sum(entered) as entered,
    sum(exited) as exited,
    max(last_measured_at) as measured_at

from sizes

where measured_at > {{ cdp.cdp_timestamp_add("last_measured_at", -7, "day") }}

group by
    entity,
    segment_name
{% endset %}

{# Every version of every segment, in order; without a version where the segment was removed. #}
{% set definitions %}
select
    entity,
    name,
    version,
    definition,
    defined_at

from {{ ref("cdp__definitions") }}

where kind = 'segment'

order by defined_at
{% endset %}

{# The builds since a time, in order. The parameters are the entity, the segment and the time. #}
{% set measured %}
select
    measured_at,
    members,
    entered,
    exited

from {{ ref("cdp__segment_sizes") }}

where
    coalesce(entity, 'person') = ?
    and segment_name = ?
    and measured_at >= ?

order by measured_at
{% endset %}

{# What any two segments share. The parameter is the entity. #}
{% set overlaps %}
select
    segment_name_a,
    segment_name_b,
    members_a,
    members_b,
    members_of_both

from {{ ref("cdp__segment_overlaps") }}

where entity = ?

order by
    segment_name_a,
    segment_name_b
{% endset %}

{% set queries = {"sizes": sizes, "definitions": definitions, "measured": measured, "overlaps": overlaps} %}
{% set tables = {
    "person": {
        "key": "canonical_id",
        "profiles": ref("cdp__user_profiles"),
        "memberships": ref("cdp__segments"),
        "columns": ["name", "email"],
    },
    "account": {
        "key": "account_id",
        "profiles": ref("cdp__account_profiles"),
        "memberships": ref("cdp__account_segments"),
        "columns": ["name", "people"],
    },
} %}

{% for entity, table in tables.items() %}

{# How many moved at which build, and why. The parameters are the segment and the time since when, twice. #}
{% set causes %}
{% for movement in ["entered", "exited"] %}
select
    {{ movement }}_at as moved_at,
    '{{ movement }}' as movement,
    coalesce({{ movement }}_by, 'unknown') as cause,
    count(*) as people

from {{ table.memberships }}

where
    segment_name = ?
    and {{ movement }}_at >= ?

group by
    {{ movement }}_at,
    {{ movement }}_by

{{ "union all" if not loop.last }}
{% endfor %}
{% endset %}

{% set count_of_profiles %}
select count(*) from {{ table.profiles }}
{% endset %}

{# Those who entered last. The parameter is the segment. #}
{% set members %}
select
    memberships.{{ table.key }},
    {%- for column in table["columns"] %}
    profiles.{{ column }},
    {%- endfor %}
    memberships.entered_at,
    memberships.entered_by

from {{ table.memberships }} as memberships

left join {{ table.profiles }} as profiles on memberships.{{ table.key }} = profiles.{{ table.key }}

where
    memberships.segment_name = ?
    and memberships.exited_at is null

order by
    memberships.entered_at desc,
    memberships.{{ table.key }}

limit 10
{% endset %}

{# When a member was in the segment, the last time first. The parameters are the member and the segment. #}
{% set stays %}
select
    entered_at,
    exited_at,
    entered_by,
    exited_by,
    version

from {{ table.memberships }}

where
    {{ table.key }} = ?
    and segment_name = ?

order by
    case when exited_at is null then 0 else 1 end,
    entered_at desc
{% endset %}

{# Since when the condition has held, or failed, where that matters. The parameters are the member and the segment. #}
{% set state %}
select
    is_met,
    since

from {{ ref("int_cdp__segment_states") }}

where
    entity = '{{ entity }}'
    and member_id = ?
    and segment_name = ?
{% endset %}

{% do queries.update({
    "causes_" ~ entity: causes,
    "profiles_" ~ entity: count_of_profiles,
    "members_" ~ entity: members,
    "stays_" ~ entity: stays,
    "state_" ~ entity: state,
    "flags_" ~ entity: cdp.cdp_segment_flags(entity),
}) %}
{% endfor %}

{% set profiles = {} %}
{% for entity, table in tables.items() %}
    {% do profiles.update({entity: {
        "database": table.profiles.database or "",
        "schema": table.profiles.schema,
        "identifier": table.profiles.identifier,
        "sql": table.profiles | string,
    }}) %}
{% endfor %}

{% set versions = {} %}
{% for entry in cdp.cdp_definitions() if entry.kind == "segment" %}
    {% do versions.update({entry.entity ~ " " ~ entry.name: entry.version}) %}
{% endfor %}

{{ tojson({
    "queries": dict(queries, found=found, shared_by=shared_by),
    "types": types,
    "segments": cdp.cdp_segments("person") + cdp.cdp_segments("account"),
    "versions": versions,
    "profiles": profiles,
}) }}
