{{
    config(
        enabled=cdp.cdp_is_on(),
        full_refresh=false,
        unique_key="visit_key",
        partition_by=cdp.cdp_partition_by("first_at", granularity="month"),
        incremental_strategy=cdp.cdp_incremental_strategy()
    )
}}

{%- set place = ["device_type", "user_agent", "country", "region", "city"] %}
{%- set seen_in = ["browser_id", "ip", "fingerprint"] + place %}
{%- set seen = dbt.concat(["cast(timestamp as " ~ dbt.type_string() ~ ")", "' '", "event_id"]) %}
{%- set first_view = "case when page_url is not null then " ~ seen ~ " else '~' end" %}
{%- set last_view = "case when page_url is not null then " ~ seen ~ " else '' end" %}
{#- A page is told without what changes from view to view. -#}
{%- set pages = {} %}
{%- for column in ["landed_from", "left_page"] %}
{%- do pages.update({column: "nullif(" ~ cdp.cdp_regexp_replace(column, "/?([?#].*)?$", "") ~ ", '')"}) %}
{%- endfor %}

{%- set groups = cdp.cdp_touched_groups(ref("stg_cdp__retention")) %}

with

{{ cdp.cdp_touched_events(groups) }},

placed as (

    select
        *,
        coalesce(anonymous_id, device_id, tuple_key) as browser_id

    from events

    where
        (ip is not null and fingerprint is not null)
        or (device_type is not null and city is not null and page_url is not null)

),

-- Events that are no page views come after the first view and before the last.
grouped as (

    select
        group_key,
        tuple_key,
        {{ seen_in | join(",\n        ") }},
        count(*) as event_count,
        min(timestamp) as first_at,
        max(timestamp) as last_at,
        min(case when page_url is not null then timestamp end) as first_viewed_at,
        max(case when page_url is not null then timestamp end) as last_viewed_at,
        {{ cdp.cdp_arg_min("coalesce(referrer, '')", first_view) }} as landed_from,
        {{ cdp.cdp_arg_max("coalesce(page_url, '')", last_view) }} as left_page

    from placed

    group by
        group_key,
        tuple_key,
        {{ seen_in | join(",\n        ") }}

),

-- Addresses, fingerprints, places and pages are compared and never shown, and the rows outlive the events: keys do.
present as (

    select
        {{ cdp.cdp_hash_key(["group_key"] + seen_in) }} as visit_key,
        group_key,
        tuple_key,
        {{ cdp.cdp_hash128("browser_id") }} as browser_key,
        case when fingerprint is not null then {{ cdp.cdp_hash128("ip") }} end as ip_key,
        case when ip is not null then {{ cdp.cdp_hash128("fingerprint") }} end as fingerprint_key,
        case
            when device_type is not null and city is not null and last_viewed_at is not null
                then {{ cdp.cdp_hash_key(place) }}
        end as place_key,
        event_count,
        first_at,
        last_at,
        first_viewed_at,
        last_viewed_at,
        {{ cdp.cdp_hash128(pages.landed_from) }} as landed_from_key,
        {{ cdp.cdp_hash128(pages.left_page) }} as left_page_key

    from grouped

),

{%- if cdp.cdp_is_incremental() %}

-- A visit that has lost its last event to an earlier version stays as a row that counts nothing.
emptied as (

    select
        stored.visit_key,
        stored.group_key,
        stored.tuple_key,
        stored.browser_key,
        stored.ip_key,
        stored.fingerprint_key,
        stored.place_key,
        0 as event_count,
        stored.first_at,
        stored.last_at,
        stored.first_viewed_at,
        stored.last_viewed_at,
        stored.landed_from_key,
        stored.left_page_key

    from {{ this }} as stored

    left join present on stored.visit_key = present.visit_key

    where
        stored.group_key in (select touched.group_key from touched)
        and stored.event_count > 0
        and present.visit_key is null
        {{ cdp.cdp_within_days("stored.first_at", cdp.cdp_days_of_groups(groups)) }}

),
{%- endif %}

changed as (

    select * from present

    {%- if cdp.cdp_is_incremental() %}

    union all

    select * from emptied
    {%- endif %}

),

final as (

    select
        visit_key,
        group_key,
        tuple_key,
        browser_key,
        ip_key,
        fingerprint_key,
        place_key,
        cast(event_count as {{ dbt.type_bigint() }}) as event_count,
        first_at,
        last_at,
        first_viewed_at,
        last_viewed_at,
        landed_from_key,
        left_page_key,
        {{ cdp.cdp_batch_id() }} as batch_id

    from changed

)

{{ cdp.cdp_in_order("select * from final", "first_at") }}
