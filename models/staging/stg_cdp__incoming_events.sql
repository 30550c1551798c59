{{ config(enabled=cdp.cdp_is_on()) }}

{%- set sources = cdp.cdp_sources("events") | selectattr("events", "defined") | list %}
{%- set identifiers = cdp.cdp_event_identifiers() %}
{%- set cleaned = ["event_id", "timestamp", "received_at", "properties", "traits"] + identifiers %}
{%- set columns = cdp.cdp_event_columns() %}
{%- set models = ["stg_cdp__landed_events"] %}
{%- for collector in cdp.cdp_used_collectors("events") %}
{%- do models.append("stg_cdp__" ~ collector ~ "_events") %}
{%- endfor %}
{%- set documents = ["properties", "traits"] %}

with

unioned as (

    {% for source in sources -%}
    {{ cdp.cdp_mapped_events(source) }}

    union all

    {% endfor -%}
    {%- for model in models %}
    select
        {%- for column in columns %}
        {{ column }},
        {%- endfor %}
        has_timestamp,
        source,
        content_hash

    from {{ ref(model) }}
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

read as (

    select
        coalesce(nullif({{ cdp.cdp_trim("event_id") }}, ''), content_hash) as event_id,
        timestamp as sent_at,
        received_at,
        has_timestamp,
        {%- for column in identifiers %}
        nullif({{ cdp.cdp_trim(column) }}, '') as {{ column }},
        {%- endfor %}
        {%- for column in documents %}
        nullif({{ cdp.cdp_trim(column) }}, '') as {{ column }},
        {%- endfor %}
        {%- for column in columns if column not in cleaned %}
        {{ column }},
        {%- endfor %}
        source,
        content_hash

    from unioned

),

dated as (

    select
        *,
        {{ cdp.cdp_timestamp_is_credible("sent_at", "received_at") }} as is_credible

    from read

),

judged as (

    select
        source,
        content_hash,
        event_id,
        case when is_credible then sent_at else received_at end as timestamp,
        coalesce(received_at, sent_at) as received_at,
        {%- for column in columns if column not in ["event_id", "timestamp", "received_at"] %}
        {{ column }},
        {%- endfor %}

        case
            when not has_timestamp then 'no timestamp'
            when sent_at is null then 'timestamp cannot be read'
            when not is_credible and received_at is null
                then 'timestamp out of range and no received_at to date it by'
            when coalesce({{ identifiers | join(", ") }}) is null then 'no identifier'
            {%- for column in documents %}
            when not {{ cdp.cdp_json_is_valid(column) }} then '{{ column }} are not JSON'
            {%- endfor %}
        end as reject_reason

    from dated

),

final as (

    select
        judged.*,
        coalesce(cast(judged.timestamp as date) < retention.kept_since, false) as is_expired

    from judged

    left join {{ ref("stg_cdp__retention") }} as retention on judged.source = retention.source

)

select * from final
