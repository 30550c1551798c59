{{ config(enabled=cdp.cdp_has_collector("segment")) }}

with

calls as (

    {{ cdp.cdp_client_calls("segment") }}

),

final as (

    {{ cdp.cdp_canonical_events("calls", cdp.cdp_client_call_columns()) }}

)

select * from final
