{{
    config(
        enabled=cdp.cdp_is_on(),
        full_refresh=false,
        unique_key=["identifier_type", "raw_value"],
        incremental_strategy=cdp.cdp_incremental_strategy()
    )
}}

{%- set rules_hash = cdp.cdp_rules_hash() %}
{%- set rules_changed = cdp.cdp_rules_changed(rules_hash) %}
{%- set normalized = {} %}
{%- set reasons = {} %}
{%- for type in cdp.cdp_identifier_types() %}
{%- do normalized.update({type.name: cdp.cdp_normalize_identifier(type.form, "raw_value")}) %}
{%- do reasons.update({type.name: cdp.cdp_block_reason(type.form, "normalized.identifier_value")}) %}
{%- endfor %}

with

raw_values as (

    select distinct
        identifier_type,
        raw_value

    from {{ ref("int_cdp__identifier_tuples") }}

    {%- if not rules_changed %}

    where batch_id > {{ cdp.cdp_last_batch() }}
    {%- endif %}

),

{%- if cdp.cdp_is_incremental() and not rules_changed %}

unknown as (

    select raw_values.*

    from raw_values

    left join {{ this }} as stored
        on
            raw_values.identifier_type = stored.identifier_type
            and raw_values.raw_value = stored.raw_value

    where stored.raw_value is null

),
{%- endif %}

normalized as (

    select
        identifier_type,
        raw_value,
        {{ cdp.cdp_by_type("identifier_type", normalized) }} as identifier_value

    from {{ "unknown" if cdp.cdp_is_incremental() and not rules_changed else "raw_values" }}

),

block_list as (
    {% for relation in cdp.cdp_block_lists() %}
    select
        identifier_type,
        lower(identifier_value) as identifier_value

    from {{ relation }}
    {{ "union distinct" if not loop.last }}
    {%- endfor %}

),

final as (

    select
        normalized.identifier_type,
        normalized.raw_value,
        normalized.identifier_value,
        coalesce(
            case when normalized.identifier_value is null then 'no type of cdp_identifiers' end,
            {{ cdp.cdp_by_type("normalized.identifier_type", reasons) }},
            case when blocked.identifier_value is not null then 'on the block list' end,
            case when blocked_always.identifier_value is not null then 'on the block list' end
        ) as block_reason,
        '{{ rules_hash }}' as rules_hash,
        {{ cdp.cdp_batch_id() }} as batch_id

    from normalized

    left join block_list as blocked
        on
            normalized.identifier_type = blocked.identifier_type
            and lower(normalized.identifier_value) = blocked.identifier_value

    left join block_list as blocked_always
        on
            blocked_always.identifier_type = '*'
            and lower(normalized.identifier_value) = blocked_always.identifier_value

)

select * from final
