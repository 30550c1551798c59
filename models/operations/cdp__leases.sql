{{
    config(
        enabled=cdp.cdp_is_on(),
        alias="leases"
    )
}}

{# A row that is there from the first is taken by an update, of which one of two at a time finds it free. #}
select
    'run' as lease,
    cast(null as {{ cdp.cdp_type("text") }}) as holder,
    cast(null as {{ cdp.cdp_type("timestamp") }}) as expires_at
