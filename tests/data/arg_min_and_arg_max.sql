{{ config(enabled=(project_name == 'cdp')) }}

{%- set sightings = [
    ("a", "mail", "2026-03-02 x"),
    ("a", "web", "2026-03-01 y"),
    ("a", "crm", "2026-03-01 z"),
    ("b", "mail", "2026-03-09 x"),
] %}
{%- set aggregates = {
    "arg_min": cdp.cdp_arg_min("source", "seen"),
    "arg_max": cdp.cdp_arg_max("source", "seen"),
} %}
{%- set expected = [
    ("arg_min", "a", "web"),
    ("arg_min", "b", "mail"),
    ("arg_max", "a", "mail"),
    ("arg_max", "b", "mail"),
] %}

with

sightings as (
    {% for person, source, seen in sightings %}
    select
        '{{ person }}' as person,
        '{{ source }}' as source,
        '{{ seen }}' as seen
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

results as (
    {% for aggregate, sql in aggregates.items() %}
    select
        '{{ aggregate }}' as aggregate,
        person,
        {{ sql }} as result

    from sightings

    group by person
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

cases as (
    {% for aggregate, person, source in expected %}
    select
        '{{ aggregate }}' as aggregate,
        '{{ person }}' as person,
        '{{ source }}' as expected
    {{ "union all" if not loop.last }}
    {%- endfor %}

)

select
    cases.aggregate,
    cases.person,
    cases.expected,
    results.result

from cases

left join results
    on
        cases.aggregate = results.aggregate
        and cases.person = results.person

where results.result is distinct from cases.expected
