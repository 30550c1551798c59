-- Five hundred records in a row: the next one has the same right end, or the same left end, by turns.
with

numbers as (

    {{ dbt.generate_series(500) | indent(4) }}

),

counted as (

    select
        cast(generated_number as {{ dbt.type_int() }}) as n,
        cast(floor(generated_number / 2.0) as {{ dbt.type_int() }}) as left_n,
        cast(floor((generated_number + 1) / 2.0) as {{ dbt.type_int() }}) as right_n

    from numbers

)

select
    {{ padded("chain", "n") }} as chain_link,
    {{ padded("chain", "left_n") }} as left_end,
    {{ padded("chain", "right_n") }} as right_end

from counted
