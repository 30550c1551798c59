{{ config(enabled=cdp.cdp_has_collector("rudderstack")) }}

with

calls as (

    {{ cdp.cdp_client_calls("rudderstack") }}

),

final as (

    {{ cdp.cdp_canonical_events("calls", cdp.cdp_client_call_columns()) }}

)

select * from final
