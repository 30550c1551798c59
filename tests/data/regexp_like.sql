{{ config(enabled=(project_name == 'cdp')) }}

{%- set cases = [
    ("abc", "b", "true"),
    ("abc", "^b", "false"),
    ("abc", "^abc$", "true"),
    ("abc", "B", "false"),
    ("a.c", "[.]", "true"),
    ("abc", "[.]", "false"),
    ("a1", "^[a-z][0-9]{1,2}$", "true"),
    ("a123", "^[a-z][0-9]{1,2}$", "false"),
    ("a c", "[[:space:]]", "true"),
    ("no-reply", "^(no-?reply|postmaster)$", "true"),
    ("", "^$", "true"),
] %}

with

results as (
    {% for input, pattern, expected in cases %}
    select
        '{{ input }}' as input,
        '{{ pattern }}' as pattern,
        {{ expected }} as expected,
        {{ cdp.cdp_regexp_like("'" ~ input ~ "'", pattern) }} as result

    union all
    {% endfor %}
    select
        cast(null as {{ dbt.type_string() }}) as input,
        'a' as pattern,
        cast(null as {{ dbt.type_boolean() }}) as expected,
        {{ cdp.cdp_regexp_like("cast(null as " ~ dbt.type_string() ~ ")", "a") }} as result

)

select * from results

where result is distinct from expected
