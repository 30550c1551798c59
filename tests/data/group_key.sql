{{ config(enabled=(project_name == 'cdp')) }}

{%- set cases = [
    ("k1", "web", "2026-03-01 00:00:00", "k1 web 2026-03-01"),
    ("k1", "web", "2026-03-01 23:59:59.999", "k1 web 2026-03-01"),
    ("k2", "crm", "2026-03-02 00:00:00", "k2 crm 2026-03-02"),
] %}

with

cases as (
    {% for tuple_key, source, happened_at, expected in cases %}
    select
        '{{ tuple_key }}' as tuple_key,
        '{{ source }}' as source,
        cast('{{ happened_at }}' as {{ dbt.type_timestamp() }}) as happened_at,
        '{{ expected }}' as expected
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

results as (

    select
        expected,
        {{ cdp.cdp_group_key("tuple_key", "source", "happened_at") }} as result

    from cases

)

select * from results

where result is distinct from expected
