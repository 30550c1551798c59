{{ config(enabled=(project_name == 'cdp')) }}

{#- Two pairs of parts, and whether they have the same key. #}
{%- set cases = [
    (["'ab'", "'c'"], ["'ab'", "'c'"], true),
    (["'ab'", "'c'"], ["'a'", "'bc'"], false),
    (["'ab'", "'c'"], ["'c'", "'ab'"], false),
    (["'ab'", "'c'"], ["'AB'", "'c'"], false),
    (["'a'", "''"], ["'a'", "null"], false),
    (["''", "null"], ["null", "''"], false),
    (["'-'", "null"], ["null", "'-'"], false),
    (["'1:a'", "'b'"], ["'1'", "'a1:b'"], false),
    (["'é'", "'c'"], ["'e'", "'c'"], false),
] %}

with

cases as (
    {% for left, right, expected in cases %}
    select
        {%- for part in left + right %}
        cast({{ part }} as {{ dbt.type_string() }}) as part_{{ loop.index }},
        {%- endfor %}
        {{ expected }} as expected
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

results as (

    select
        part_1,
        part_2,
        part_3,
        part_4,
        expected,
        {{ cdp.cdp_hash_key(["part_1", "part_2"]) }} = {{ cdp.cdp_hash_key(["part_3", "part_4"]) }} as result

    from cases

    union all

    -- The first half of the SHA-256 of '2:ab-': the same key on every engine.
    select
        'ab' as part_1,
        null as part_2,
        null as part_3,
        null as part_4,
        true as expected,
        {{ cdp.cdp_hash_key(["'ab'", "cast(null as " ~ dbt.type_string() ~ ")"]) }}
        = '70298301c145a9df0dc65f6f26d99a8f' as result

)

select * from results

where result is distinct from expected
