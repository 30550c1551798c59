{{
    config(
        enabled=cdp.cdp_is_on(),
        materialized="incremental",
        alias="raw_events",
        unique_key=["source", "event_id"],
        partition_by=cdp.cdp_partition_by("timestamp"),
        cluster_by=cdp.cdp_cluster_by("batch_id"),
        incremental_strategy=cdp.cdp_incremental_strategy()
    )
}}

{%- set columns = cdp.cdp_event_columns().keys() | reject("in", ["event_id", "loaded_at"]) | list %}
{%- set identifiers = cdp.cdp_event_identifiers() %}
{%- set tuple_key = cdp.cdp_hash_key(identifiers) %}
{%- set has_suppressions = cdp.cdp_has_suppressions() %}

with

events as {{ cdp.cdp_read_anew() }} (

    select * from {{ ref("stg_cdp__events") }}

    where {{ cdp.cdp_is_new_event() }}

),

-- Of the versions of one event the one received first counts, so that the order in which they are
-- loaded does not matter. It does so when it has expired, too: else the event would come back by another one.
versions as (

    {{ cdp.cdp_first_versions("events") }}

),

{%- if has_suppressions %}

suppressed as (

    {{ cdp.cdp_suppressed_rows("versions", ["source", "event_id"], identifiers) | indent(4) }}

),

-- Who was erased does not come back by an event that is sent again.
allowed as (

    select
        versions.event_id,
        {%- for column in columns %}
        {%- if column in identifiers %}
        case when suppressed.has_suppressed_{{ column }} then null else versions.{{ column }} end as {{ column }},
        {%- elif column in ["properties", "traits"] %}
        {{ cdp.cdp_without_addresses("versions", column) }} as {{ column }},
        {%- else %}
        versions.{{ column }},
        {%- endif %}
        {%- endfor %}
        versions.loaded_at,
        versions.source,
        versions.content_hash,
        versions.is_expired

    from versions

    left join suppressed
        on
            versions.source = suppressed.source
            and versions.event_id = suppressed.event_id

    where not coalesce(suppressed.is_dropped, false)

),
{%- endif %}

keyed as (

    select
        *,
        {{ tuple_key }} as tuple_key,
        {{ cdp.cdp_group_key(tuple_key, "source", "timestamp") }} as group_key

    from {{ "allowed" if has_suppressions else "versions" }}

),

{%- if cdp.cdp_is_incremental() %}

stored as (

    select
        source,
        event_id,
        received_at,
        content_hash,
        group_key,
        superseded_groups

    from {{ this }}

    where event_id in (select event_id from keyed)

),
{%- endif %}

final as (

    select
        keyed.event_id,
        {%- for column in columns %}
        keyed.{{ column }},
        {%- endfor %}
        keyed.source,
        keyed.tuple_key,
        keyed.group_key,
        keyed.content_hash,

        {% if cdp.cdp_is_incremental() -%}
        case
            when stored.group_key = keyed.group_key or stored.event_id is null then stored.superseded_groups
            else {{ dbt.concat(["coalesce(stored.superseded_groups, '')", "stored.group_key", "';'"]) }}
        end as superseded_groups,
        {%- else -%}
        cast(null as {{ dbt.type_string() }}) as superseded_groups,
        {%- endif %}

        keyed.loaded_at,
        {{ cdp.cdp_batch_id() }} as batch_id

    from keyed

    {%- if cdp.cdp_is_incremental() %}

    left join stored
        on
            keyed.source = stored.source
            and keyed.event_id = stored.event_id

    where
        (stored.event_id is null and not keyed.is_expired)
        or keyed.received_at < stored.received_at
        or (
            keyed.received_at = stored.received_at
            and keyed.content_hash < stored.content_hash
        )
    {%- else %}

    where not keyed.is_expired
    {%- endif %}

)

select * from final
