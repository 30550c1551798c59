{{ config(enabled=(project_name == 'cdp')) }}

{%- set timestamp = dbt.type_timestamp() %}
{%- set cases = [
    ("2026-03-01 10:00:00", "2026-03-01 10:00:05", true),
    ("2000-01-01 00:00:00", "2026-03-01 10:00:00", true),
    ("1999-12-31 23:59:59", "2026-03-01 10:00:00", false),
    ("1970-01-01 00:00:00", "2026-03-01 10:00:00", false),
    ("2026-03-02 10:00:00", "2026-03-01 10:00:00", true),
    ("2026-03-02 10:00:01", "2026-03-01 10:00:00", false),
    ("2099-01-01 00:00:00", "2026-03-01 10:00:00", false),
] %}

with

cases as (
    {% for sent_at, received_at, expected in cases %}
    select
        cast('{{ sent_at }}' as {{ timestamp }}) as sent_at,
        cast('{{ received_at }}' as {{ timestamp }}) as received_at,
        {{ expected }} as expected

    union all
    {% endfor %}
    select
        cast(null as {{ timestamp }}) as sent_at,
        cast('2026-03-01 10:00:00' as {{ timestamp }}) as received_at,
        false as expected

    union all

    -- Where the time of receipt is not known, the run's own time stands for it.
    select
        {{ cdp.cdp_timestamp_add(cdp.cdp_as_of(), 24, "hour") }} as sent_at,
        cast(null as {{ timestamp }}) as received_at,
        true as expected

    union all

    select
        {{ cdp.cdp_timestamp_add(cdp.cdp_as_of(), 25, "hour") }} as sent_at,
        cast(null as {{ timestamp }}) as received_at,
        false as expected

),

results as (

    select
        sent_at,
        received_at,
        expected,
        {{ cdp.cdp_timestamp_is_credible("sent_at", "received_at") }} as result

    from cases

)

select * from results

where result is distinct from expected
