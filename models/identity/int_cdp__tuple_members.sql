{{
    config(
        enabled=cdp.cdp_is_on(),
        unique_key=["tuple_key", "identifier_type", "raw_value"],
        cluster_by=cdp.cdp_cluster_by("tuple_key"),
        incremental_strategy=cdp.cdp_incremental_strategy()
    )
}}

{%- set rules_hash = cdp.cdp_rules_hash() %}
{%- set is_partial = cdp.cdp_is_incremental() and not cdp.cdp_rules_changed(rules_hash) %}
{%- set last_batch = cdp.cdp_last_batch() %}

with

all_tuples as {{ cdp.cdp_read_anew(is_all=true) }} (

    select * from {{ ref("int_cdp__identifier_tuples") }}

),

identifiers as {{ cdp.cdp_read_anew(is_all=true) }} (

    select * from {{ ref("int_cdp__identifiers") }}

),

tuples as (

    select
        tuple_key,
        identifier_type,
        raw_value

    from all_tuples

    {%- if is_partial %}

    where batch_id > {{ last_batch }}

    union distinct

    select
        all_tuples.tuple_key,
        all_tuples.identifier_type,
        all_tuples.raw_value

    from all_tuples

    inner join identifiers
        on
            all_tuples.identifier_type = identifiers.identifier_type
            and all_tuples.raw_value = identifiers.raw_value

    where
        identifiers.is_reassessed
        and identifiers.batch_id > {{ last_batch }}
    {%- endif %}

),

final as (

    select
        tuples.tuple_key,
        tuples.identifier_type,
        tuples.raw_value,
        keys.identifier_id,
        identifiers.block_reason is null as is_usable,
        '{{ rules_hash }}' as rules_hash,
        {{ cdp.cdp_batch_id() }} as batch_id

    from tuples

    inner join identifiers
        on
            tuples.identifier_type = identifiers.identifier_type
            and tuples.raw_value = identifiers.raw_value

    -- Null for a value that has been blocked ever since: the row says that the tuple has been read.
    left join {{ ref("int_cdp__identifier_keys") }} as keys
        on
            identifiers.identifier_type = keys.identifier_type
            and identifiers.identifier_value = keys.identifier_value

)

select * from final
