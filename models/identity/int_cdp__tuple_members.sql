{{
    config(
        enabled=cdp.cdp_is_on(),
        unique_key=["tuple_key", "identifier_type"],
        incremental_strategy=cdp.cdp_incremental_strategy()
    )
}}

{%- set rules_hash = cdp.cdp_rules_hash() %}
{%- set rules_changed = cdp.cdp_rules_changed(rules_hash) %}

with

tuples as (

    select * from {{ ref("int_cdp__identifier_tuples") }}

    {%- if not rules_changed %}

    where batch_id > {{ cdp.cdp_last_batch() }}
    {%- endif %}

),

final as (

    select
        tuples.tuple_key,
        tuples.identifier_type,
        keys.identifier_id,
        '{{ rules_hash }}' as rules_hash,
        {{ cdp.cdp_batch_id() }} as batch_id

    from tuples

    inner join {{ ref("int_cdp__identifiers") }} as identifiers
        on
            tuples.identifier_type = identifiers.identifier_type
            and tuples.raw_value = identifiers.raw_value

    -- Null for a blocked value: the row says that the tuple has been read.
    left join {{ ref("int_cdp__identifier_keys") }} as keys
        on
            identifiers.identifier_type = keys.identifier_type
            and identifiers.identifier_value = keys.identifier_value
            and identifiers.block_reason is null

)

select * from final
