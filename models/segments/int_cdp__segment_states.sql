{{
    config(
        enabled=cdp.cdp_is_on(),
        full_refresh=false,
        unique_key=["entity", "member_id", "segment_name"],
        cluster_by=cdp.cdp_cluster_by("segment_name"),
        incremental_strategy=cdp.cdp_incremental_strategy(),
        post_hook="{{ cdp.cdp_delete_rows('entity = \\'person\\' and member_id in (select canonical_id from ' ~ ref('cdp__canonical_id_history') ~ ' where status <> \\'current\\')') }}"
    )
}}

{%- set all_matches = ref("int_cdp__segment_matches") %}
{%- set dwells = [] %}
{%- for entity in ["person", "account"] %}
{%- for segment in cdp.cdp_segments_with_dwell(entity) %}
{%- do dwells.append("(entity = '" ~ entity ~ "' and segment_name = '" ~ segment.name ~ "')") %}
{%- endfor %}
{%- endfor %}

with

history as (

    select * from {{ ref("cdp__canonical_id_history") }}

),

-- Of segments with a dwell; without any the profiles need not be looked at.
matches as (

    {% if dwells -%}
    select * from {{ all_matches }}

    where
        {{ dwells | join("\n        or ") }}
    {%- else -%}
    {{ cdp.cdp_empty_rows({"entity": "text", "member_id": "text", "segment_name": "text"}) | indent(4) }}
    {%- endif %}

),

{%- if cdp.cdp_is_incremental() %}

rows_of_members as (

    select
        stored.entity,
        coalesce(history.current_canonical_id, stored.member_id) as member_id,
        stored.member_id as stored_member_id,
        stored.segment_name,
        stored.is_met,
        stored.since

    from {{ this }} as stored

    left join history
        on
            stored.entity = 'person'
            and stored.member_id = history.canonical_id

),

-- Of a merged person whatever any of the two had, since the earlier time.
stored as (

    select
        entity,
        member_id,
        segment_name,
        max(case when is_met then 1 else 0 end) = 1 as is_met,
        coalesce(min(case when is_met then since end), max(since)) as since,
        min(stored_member_id) = member_id
        and count(*) = 1 as is_kept

    from rows_of_members

    group by
        entity,
        member_id,
        segment_name

),

compared as (

    select
        coalesce(matches.entity, stored.entity) as entity,
        coalesce(matches.member_id, stored.member_id) as member_id,
        coalesce(matches.segment_name, stored.segment_name) as segment_name,
        matches.member_id is not null as is_met,
        coalesce(stored.is_met, false) as was_met,
        stored.since,
        coalesce(stored.is_kept, false) as is_kept

    from matches

    full outer join stored
        on
            matches.entity = stored.entity
            and matches.member_id = stored.member_id
            and matches.segment_name = stored.segment_name

),
{%- endif %}

changed as (

    {% if cdp.cdp_is_incremental() -%}
    select
        entity,
        member_id,
        segment_name,
        is_met,
        case when is_met = was_met then since end as since

    from compared

    where
        is_met <> was_met
        or not is_kept
    {%- else -%}
    select
        entity,
        member_id,
        segment_name,
        true as is_met,
        cast(null as {{ dbt.type_timestamp() }}) as since

    from matches
    {%- endif %}

),

final as (

    select
        entity,
        member_id,
        segment_name,
        is_met,
        coalesce(since, {{ cdp.cdp_as_of() }}) as since,
        {{ cdp.cdp_batch_id() }} as batch_id

    from changed

)

select * from final
