{{ config(enabled=cdp.cdp_is_on(), full_refresh=false) }}

{%- set priority = cdp.cdp_type_setting("identifier_type", "priority") %}
{%- set last_batch = cdp.cdp_last_batch() %}

with

decisions as (

    select * from {{ ref("int_cdp__decisions") }}

    where
        is_live
        and batch_id > {{ last_batch }}

),

-- A decision may name an identifier that nobody has seen yet.
usable as (

    select
        identifier_type,
        identifier_value

    from {{ ref("int_cdp__identifiers") }}

    where
        block_reason is null
        and batch_id > {{ last_batch }}

    union distinct

    select
        identifier_type_a as identifier_type,
        identifier_value_a as identifier_value

    from decisions

    union distinct

    select
        identifier_type_b as identifier_type,
        identifier_value_b as identifier_value

    from decisions

    where identifier_value_b is not null

),

{%- if cdp.cdp_is_incremental() %}

unknown as (

    select usable.*

    from usable

    left join {{ this }} as stored
        on
            usable.identifier_type = stored.identifier_type
            and usable.identifier_value = stored.identifier_value

    where stored.identifier_id is null

),
{%- endif %}

final as (

    select
        {% if cdp.cdp_is_incremental() %}(select coalesce(max(identifier_id), 0) from {{ this }}) + {% endif -%}
        row_number() over (order by {{ priority }}, identifier_type, identifier_value) as identifier_id,
        identifier_type,
        identifier_value,
        {{ cdp.cdp_batch_id() }} as batch_id

    from {{ "unknown" if cdp.cdp_is_incremental() else "usable" }}

)

select * from final
