{{ config(enabled=cdp.cdp_is_on(), materialized="view", alias="canonical_id_history") }}

with

registry as (

    select * from {{ ref("int_cdp__canonical_ids") }}

),

final as (

    select
        canonical_id,
        case when not is_retired then coalesce(merged_into, canonical_id) end as current_canonical_id,
        case
            when is_retired then 'retired'
            when merged_into is not null then 'merged'
            else 'current'
        end as status,
        assigned_at

    from registry

)

select * from final
