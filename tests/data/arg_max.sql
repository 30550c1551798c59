{{ config(enabled=(project_name == 'cdp')) }}

{%- set sightings = [
    ("a", "mail", "2026-03-02 x"),
    ("a", "web", "2026-03-01 10:00 y"),
    ("a", "crm", "2026-03-01 z"),
    ("b", "mail", "2026-03-09 x"),
] %}
{%- set expected = {"a": "mail", "b": "mail"} %}

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

    select
        person,
        {{ cdp.cdp_arg_max("source", "seen") }} as result

    from sightings

    group by person

),

cases as (
    {% for person, source in expected.items() %}
    select
        '{{ person }}' as person,
        '{{ source }}' as expected
    {{ "union all" if not loop.last }}
    {%- endfor %}

)

select
    cases.person,
    cases.expected,
    results.result

from cases

left join results on cases.person = results.person

where results.result is distinct from cases.expected
