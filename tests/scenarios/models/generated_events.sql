-- Events that are too many for the seed, and a word that a seed takes for no value. All come with the first build, were
-- seen once and at the same time, so that links are taken in the order of their values.
{%- set text = dbt.type_string() %}

with

numbers as (

    {{ dbt.generate_series(101) | indent(4) }}

),

counted as (

    select cast(generated_number as {{ dbt.type_int() }}) as n

    from numbers

),

events as (

    select
        'cookie_limit_reached' as scenario,
        {{ padded("cookie-limit-reached", "n") }} as event_id,
        'cookie-limit-reached-ann' as user_id,
        null as device_id,
        {{ padded("cookie-limit-reached", "n") }} as anonymous_id

    from counted

    where n <= 100

    union all

    select
        'cookie_limit_exceeded' as scenario,
        {{ padded("cookie-limit-exceeded", "n") }} as event_id,
        'cookie-limit-exceeded-ann' as user_id,
        null as device_id,
        {{ padded("cookie-limit-exceeded", "n") }} as anonymous_id

    from counted

    union all

    select
        'chain_across_the_limit' as scenario,
        {{ padded("chain-across-the-limit-on", "n") }} as event_id,
        null as user_id,
        {{ padded("chain-across-the-limit", "n") }} as device_id,
        {{ padded("chain-across-the-limit", "n") }} as anonymous_id

    from counted

    where n <= 30

    union all

    select
        'chain_across_the_limit' as scenario,
        {{ padded("chain-across-the-limit-next", "n") }} as event_id,
        null as user_id,
        {{ padded("chain-across-the-limit", "(n + 1)") }} as device_id,
        {{ padded("chain-across-the-limit", "n") }} as anonymous_id

    from counted

    where n < 30

    union all

    select
        'junk_null' as scenario,
        {{ padded("junk-null", "n") }} as event_id,
        'null' as user_id,
        null as device_id,
        {{ padded("junk-null", "n") }} as anonymous_id

    from counted

    where n <= 2

)

select
    scenario,
    1 as load,
    event_id,
    '2024-06-01 09:00:00' as occurred_at,
    cast(null as {{ text }}) as received_at,
    cast(user_id as {{ text }}) as user_id,
    cast(null as {{ text }}) as email,
    cast(null as {{ text }}) as phone,
    cast(device_id as {{ text }}) as device_id,
    anonymous_id

from events
