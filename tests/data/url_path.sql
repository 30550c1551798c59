{{ config(enabled=(project_name == 'cdp')) }}

{%- set cases = [
    ("https://acme.example/en?x=1#top", "/en"),
    ("https://acme.example", "/"),
    ("https://acme.example?x=/a", "/"),
    ("https://acme.example/a/b/", "/a/b/"),
    ("android-app://com.acme/open", "/open"),
    ("/en", none),
    ("", none),
] %}

with

results as (
    {% for given, expected in cases %}
    select
        '{{ given }}' as input,
        {{ "'" ~ expected ~ "'" if expected else "null" }} as expected,
        {{ cdp.cdp_url_path("given") }} as result

    from (select '{{ given }}' as given) as cases

    {{ "union all" if not loop.last }}
    {%- endfor %}

)

select * from results

where result is distinct from expected
