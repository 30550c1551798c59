{{ config(enabled=cdp.cdp_is_on(), materialized="table") }}

with

people as (

    {{ cdp.cdp_segment_matches("person") }}

),

accounts as (

    {{ cdp.cdp_segment_matches("account") }}

),

final as (

    select * from people

    union all

    select * from accounts

)

select * from final
