{{ config(enabled=(project_name == 'cdp')) }}

{%- set cases = [
    ("plain", "'plain'"),
    ("o'n", "'o' || chr(39) || 'n'"),
    ("a\\b", "'a' || chr(92) || 'b'"),
    ("\\", "chr(92)"),
    ("\\'", "chr(92) || chr(39)"),
    ("a\nb", "'a' || chr(10) || 'b'"),
    ("", "''"),
    (7, "'7'"),
] %}

with

results as (
    {% for text, expected in cases %}
    select
        {{ cdp.cdp_text_literal(text) }} as result,
        {{ expected }} as expected
    {{ "union all" if not loop.last }}
    {%- endfor %}

)

select * from results

where result is distinct from expected
