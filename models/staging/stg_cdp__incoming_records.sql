{{ config(enabled=cdp.cdp_is_on()) }}

{%- set types = cdp.cdp_identifier_types() | map(attribute="name") | list %}
{%- set attributes = cdp.cdp_record_attributes() %}
{%- set content = types + ["merged_into"] %}
{%- for attribute in attributes %}
{%- do content.append("attribute_" ~ attribute) %}
{%- endfor %}
{%- set collectors = cdp.cdp_used_collectors("records") %}

with

unioned as (
    {% for source in cdp.cdp_sources("records") if "tables" not in source -%}
    {{ cdp.cdp_landed_records(source) if "collector" in source else cdp.cdp_mapped_records(source) }}

    union all
    {% endfor -%}
    {%- for collector in collectors %}
    select * from {{ ref("stg_cdp__" ~ collector ~ "_records") }}

    union all
    {% endfor %}
    {{ cdp.cdp_empty_records() }}

),

cleaned as (

    select
        source,
        nullif({{ cdp.cdp_trim("record_id") }}, '') as record_id,
        nullif(nullif({{ cdp.cdp_trim("merged_into") }}, ''), {{ cdp.cdp_trim("record_id") }}) as merged_into,
        identifier_type,
        {{ cdp.cdp_try_timestamp("updated_at") }} as updated_at,
        updated_at is not null as has_updated_at,
        {%- for type in types %}
        nullif({{ cdp.cdp_trim(type) }}, '') as {{ type }},
        {%- endfor %}
        {%- for attribute in attributes %}
        nullif({{ cdp.cdp_trim("attribute_" ~ attribute) }}, '') as attribute_{{ attribute }},
        {%- endfor %}
        loaded_at,
        ingest_id

    from unioned

),

judged as (

    select
        *,
        case
            when record_id is null then 'no record_id'
            when has_updated_at and updated_at is null then 'updated_at cannot be read'
            when coalesce({{ types | join(", ") }}) is null then 'no identifier'
        end as reject_reason

    from cleaned

),

ranked as (

    select
        *,
        row_number() over (
            partition by source, record_id, reject_reason
            order by
                updated_at desc nulls last,
                loaded_at desc nulls last,
                {{ cdp.cdp_hash_key(content) }}
        ) as version_rank

    from judged

)

select * from ranked
