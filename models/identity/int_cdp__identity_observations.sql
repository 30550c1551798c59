{{
    config(
        enabled=cdp.cdp_is_on(),
        full_refresh=false,
        unique_key="group_key",
        partition_by=cdp.cdp_partition_by("first_seen", granularity="month"),
        cluster_by=cdp.cdp_cluster_by(["origin", "group_key"]),
        incremental_strategy=cdp.cdp_incremental_strategy()
    )
}}

{%- set attributes = [] %}
{%- for attribute in cdp.cdp_record_attributes() %}
{%- do attributes.append("attribute_" ~ attribute) %}
{%- endfor %}
{%- set seen = dbt.concat(["cast(timestamp as " ~ dbt.type_string() ~ ")", "' '", "event_id"]) %}
{%- set groups = cdp.cdp_touched_groups(ref("stg_cdp__retention")) %}

with

{{ cdp.cdp_touched_events(groups) }},

event_groups as (

    select
        group_key,
        max(tuple_key) as tuple_key,
        max(source) as source,
        'event' as origin,
        count(*) as event_count,
        min(timestamp) as first_seen,
        max(timestamp) as last_seen,
        {{ cdp.cdp_arg_min("event_id", seen) }} as evidence_id,
        cast(null as {{ dbt.type_string() }}) as content_hash

    from events

    group by group_key

),

records as (

    select *, {{ cdp.cdp_record_tuple_key() }} as tuple_key

    from {{ ref("stg_cdp__records") }}

),

record_groups as (

    select
        {{ dbt.concat(["tuple_key", "' '", "source", "' record'"]) }} as group_key,
        tuple_key,
        source,
        'record' as origin,
        1 as event_count,
        updated_at as first_seen,
        updated_at as last_seen,
        record_id as evidence_id,

        -- So that a change of what a record says is seen, whatever its time of change says.
        {{ cdp.cdp_hash_key(["record_id"] + attributes) }} as content_hash

    from records

),

present as (

    select * from event_groups

    union all

    select * from record_groups

),

{%- if cdp.cdp_is_incremental() %}

stored as (

    select * from {{ this }}

    where origin = 'record'

    union all

    select * from {{ this }}

    where
        origin = 'event'
        and group_key in (select touched.group_key from touched)
        {{ cdp.cdp_within_days("first_seen", cdp.cdp_days_of_groups(groups)) }}

),

-- An event group that has lost its last event to an earlier version, and a record that has lost an
-- identifier or is gone, stay as rows that count nothing, so that later models take back what they gave.
emptied as (

    select
        stored.group_key,
        stored.tuple_key,
        stored.source,
        stored.origin,
        0 as event_count,
        stored.first_seen,
        stored.last_seen,
        stored.evidence_id,
        stored.content_hash

    from stored

    left join present on stored.group_key = present.group_key

    where
        present.group_key is null
        and stored.event_count > 0

),

changed as (

    select present.*

    from present

    left join stored on present.group_key = stored.group_key

    where
        stored.group_key is null
        or present.event_count <> stored.event_count
        or present.evidence_id <> stored.evidence_id
        or present.content_hash is distinct from stored.content_hash
        or present.first_seen is distinct from stored.first_seen
        or present.last_seen is distinct from stored.last_seen

    union all

    select * from emptied

),
{%- else %}

changed as (

    select * from present

),
{%- endif %}

final as (

    select
        group_key,
        tuple_key,
        source,
        origin,
        cast(event_count as {{ dbt.type_bigint() }}) as event_count,
        first_seen,
        last_seen,
        evidence_id,
        content_hash,
        {{ cdp.cdp_batch_id() }} as batch_id

    from changed

)

{{ cdp.cdp_in_order("select * from final", "first_seen") }}
