{{
    config(
        enabled=cdp.cdp_is_on(),
        full_refresh=false,
        unique_key=["identifier_type", "identifier_value"],
        incremental_strategy=cdp.cdp_incremental_strategy()
    )
}}

with

listed as (
    {{- cdp.cdp_blocked_values() }}

),

changed as (

    {%- if cdp.cdp_is_incremental() %}

    select
        listed.identifier_type,
        listed.identifier_value,
        true as is_live

    from listed

    left join {{ this }} as stored
        on
            listed.identifier_type = stored.identifier_type
            and listed.identifier_value = stored.identifier_value

    where stored.is_live is not true

    union all

    -- A value that is taken off the lists stays as a row that is not live.
    select
        stored.identifier_type,
        stored.identifier_value,
        false as is_live

    from {{ this }} as stored

    left join listed
        on
            stored.identifier_type = listed.identifier_type
            and stored.identifier_value = listed.identifier_value

    where
        stored.is_live
        and listed.identifier_type is null
    {%- else %}

    select distinct
        identifier_type,
        identifier_value,
        true as is_live

    from listed
    {%- endif %}

),

final as (

    select
        identifier_type,
        identifier_value,
        is_live,
        {{ cdp.cdp_batch_id() }} as batch_id

    from changed

)

select * from final
