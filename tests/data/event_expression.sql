{{ config(enabled=(project_name == 'cdp')) }}

{%- set cases = [
    ("page_path", "/pricing"),
    ("properties.plan", "pro"),
    ("traits.plan", "free"),
    ("upper(properties.plan)", "PRO"),
    ("coalesce(properties.missing, traits.plan)", "free"),
    ("case when properties.plan = 'pro' and traits.plan <> properties.plan then page_path end", "/pricing"),
    ("events_with_traits.page_path", "/pricing"),
    ("properties.address.city", "Bern"),
    ("case when traits.plan <> 'traits.plan' then 'properties.plan' end", "properties.plan"),
] %}
{%- set fields = [
    ("page_path", "/pricing"),
    ("plan", "pro"),
    ("properties.plan", "pro"),
    ("traits.plan", "free"),
    ("lower(page_path)", "/pricing"),
    ("missing", none),
] %}

with

events_with_traits as (

    select
        '/pricing' as page_path,
        '{"plan": "pro", "address": {"city": "Bern"}}' as properties,
        '{"plan": "free"}' as traits

),

results as (
    {% for input, expected in cases %}
    select
        {{ dbt.string_literal(dbt.escape_single_quotes(input)) }} as input,
        '{{ expected }}' as expected,
        {{ cdp.cdp_event_expression(input) }} as result

    from events_with_traits

    union all
    {% endfor %}
    {%- for input, expected in fields %}
    select
        'field {{ input }}' as input,
        cast({{ "'" ~ expected ~ "'" if expected else "null" }} as {{ dbt.type_string() }}) as expected,
        {{ cdp.cdp_event_field(input) }} as result

    from events_with_traits
    {{ "union all" if not loop.last }}
    {%- endfor %}

)

select * from results

where result is distinct from expected
