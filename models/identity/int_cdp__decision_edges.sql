{{ config(enabled=cdp.cdp_is_on(), materialized="view") }}

with

decisions as (

    select * from {{ ref("int_cdp__decisions") }}

),

keys as (

    select * from {{ ref("int_cdp__identifier_keys") }}

),

final as (

    select
        decisions.decision_id,
        decisions.decision,
        keys_a.identifier_id as node_a,
        keys_b.identifier_id as node_b,
        decisions.is_live,
        decisions.problem,
        decisions.batch_id

    from decisions

    left join keys as keys_a
        on
            decisions.identifier_type_a = keys_a.identifier_type
            and decisions.identifier_value_a = keys_a.identifier_value

    left join keys as keys_b
        on
            decisions.identifier_type_b = keys_b.identifier_type
            and decisions.identifier_value_b = keys_b.identifier_value

)

select * from final
