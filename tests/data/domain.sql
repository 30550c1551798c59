{{ config(enabled=(project_name == 'cdp')) }}

{%- set cases = [
    ("https://www.Acme.example/en?x=1", "acme.example"),
    ("http://acme.example:8080", "acme.example"),
    ("acme.example", "acme.example"),
    (" WWW.acme.example# ", "acme.example"),
    ("https://shop.acme.example/", "shop.acme.example"),
    ("https://", none),
    ("", none),
] %}

with

results as (
    {% for given, expected in cases %}
    select
        '{{ given }}' as input,
        {{ "'" ~ expected ~ "'" if expected else "null" }} as expected,
        {{ cdp.cdp_domain("given") }} as result

    from (select '{{ given }}' as given) as cases

    {{ "union all" if not loop.last }}
    {%- endfor %}

)

select * from results

where result is distinct from expected
