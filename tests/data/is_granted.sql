{{ config(enabled=(project_name == 'cdp')) }}

-- Fails if a text that says whether consent is given is read otherwise than expected.
{% set cases = [
    ("true", true), ("TRUE", true), (" Yes ", true), ("y", true), ("on", true), ("1", true), ("t", true),
    ("false", false), ("no", false), ("0", false), ("off", false), ("unsubscribed", false), ("null", false),
    ("", none), ("  ", none),
] %}

with

cases as (

    {% for input, expected in cases %}
    select
        '{{ input }}' as input,
        {{ "null" if expected is none else expected | string | lower }} as expected,
        {{ cdp.cdp_is_granted("'" ~ input ~ "'") }} as result
    {{ "union all" if not loop.last }}
    {% endfor %}

    union all

    select
        'of another type' as input,
        true as expected,
        {{ cdp.cdp_is_granted("1 = 1 -- a comment") }}
        and {{ cdp.cdp_is_granted("1") }}
        and not {{ cdp.cdp_is_granted("1 = 2") }}
        and {{ cdp.cdp_is_granted("cast(null as boolean)") }} is null as result

)

select * from cases

where result is distinct from expected
