{{ config(enabled=(project_name == 'cdp')) }}

{%- set lists = ["'a;b;'", "'b;'", "'one and 2026-03-01;'", "''", "null"] %}
{%- set parts = ["a", "b", "b", "one and 2026-03-01"] %}

with

lists as (
    {% for list in lists %}
    select cast({{ list }} as {{ dbt.type_string() }}) as parts
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

expected as (
    {% for part in parts %}
    select '{{ part }}' as part
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

split as (

    {{ cdp.cdp_split_rows("lists", "parts", ";", "part") | indent(4) }}

),

counted as (

    select
        part,
        1 as difference

    from split

    union all

    select
        part,
        -1 as difference

    from expected

)

select
    part,
    sum(difference) as too_many

from counted

group by part

having sum(difference) <> 0
