{{
    config(
        enabled=cdp.cdp_is_on(),
        full_refresh=false,
        unique_key=["identifier_type", "raw_value"],
        incremental_strategy=cdp.cdp_incremental_strategy()
    )
}}

{%- set rules_hash = cdp.cdp_rules_hash() %}
{%- set is_partial = cdp.cdp_is_incremental() and not cdp.cdp_rules_changed(rules_hash) %}
{%- set last_batch = cdp.cdp_last_batch() %}
{%- set reasons = {} %}
{%- for type in cdp.cdp_identifier_types() %}
{%- do reasons.update({type.name: cdp.cdp_block_reason(type.form, "normalized.identifier_value")}) %}
{%- endfor %}

with

blocked_values as (

    select * from {{ ref("int_cdp__blocked_values") }}

),

-- A value that somebody has said to be one person's is not blocked.
decisions as (

    select * from {{ ref("int_cdp__decisions") }}

    where identifier_type_b is null

),

{%- if is_partial %}

-- What a list or a decision says otherwise than before is judged again.
changed_values as (

    select identifier_value

    from blocked_values

    where batch_id > {{ last_batch }}

    union distinct

    select lower(identifier_value_a) as identifier_value

    from decisions

    where batch_id > {{ last_batch }}

),
{%- endif %}

raw_values as (

    select
        identifier_type,
        raw_value

    from {{ ref("int_cdp__identifier_tuples") }}

    {%- if is_partial %}

    where batch_id > {{ last_batch }}

    union distinct

    select
        identifier_type,
        raw_value

    from {{ this }}

    where lower(identifier_value) in (select changed_values.identifier_value from changed_values)
    {%- else %}

    group by identifier_type, raw_value
    {%- endif %}

),

normalized as (

    select
        identifier_type,
        raw_value,
        {{ cdp.cdp_normal_form("identifier_type", "raw_value") }} as identifier_value

    from raw_values

),

judged as (

    select
        normalized.identifier_type,
        normalized.raw_value,
        normalized.identifier_value,
        case
            when decisions.decision_id is null
                then
                    coalesce(
                        case when normalized.identifier_value is null then 'no type of cdp_identifiers' end,
                        {{ cdp.cdp_by_type("normalized.identifier_type", reasons) }},
                        case when blocked.identifier_value is not null then 'on the block list' end,
                        case when blocked_always.identifier_value is not null then 'on the block list' end
                    )
        end as block_reason

    from normalized

    left join blocked_values as blocked
        on
            normalized.identifier_type = blocked.identifier_type
            and lower(normalized.identifier_value) = blocked.identifier_value
            and blocked.is_live

    left join blocked_values as blocked_always
        on
            blocked_always.identifier_type = '*'
            and lower(normalized.identifier_value) = blocked_always.identifier_value
            and blocked_always.is_live

    left join decisions
        on
            normalized.identifier_type = decisions.identifier_type_a
            and normalized.identifier_value = decisions.identifier_value_a
            and decisions.decision = 'not_shared'
            and decisions.is_live

),

final as (

    select
        judged.identifier_type,
        judged.raw_value,
        judged.identifier_value,
        judged.block_reason,
        {% if cdp.cdp_is_incremental() %}stored.raw_value is not null{% else %}false{% endif %} as is_reassessed,
        '{{ rules_hash }}' as rules_hash,
        {{ cdp.cdp_batch_id() }} as batch_id

    from judged

    {%- if cdp.cdp_is_incremental() %}

    left join {{ this }} as stored
        on
            judged.identifier_type = stored.identifier_type
            and judged.raw_value = stored.raw_value
    {%- endif %}

    {%- if is_partial %}

    where
        stored.raw_value is null
        or judged.block_reason is distinct from stored.block_reason
    {%- endif %}

)

select * from final
