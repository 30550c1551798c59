{{ config(enabled=(project_name == 'cdp' and target.type == 'duckdb')) }}

{%- set cases = [
    (
        "a value of every type, in the order of the keys",
        "[{'key': 'title', 'value': {'string_value': 'it is \"quoted\"', 'int_value': null, 'float_value': null, 'double_value': null}}, "
        ~ "{'key': 'id', 'value': {'string_value': null, 'int_value': 9007199254740993, 'float_value': null, 'double_value': null}}, "
        ~ "{'key': 'amount', 'value': {'string_value': null, 'int_value': null, 'float_value': null, 'double_value': 49.5}}]",
        '{"amount":49.5,"id":9007199254740993,"title":"it is \\"quoted\\""}',
    ),
    (
        "null as text, a pair without a value, and one without a key",
        "[{'key': 'word', 'value': {'string_value': 'null', 'int_value': null}}, "
        ~ "{'key': 'nothing', 'value': {'string_value': null, 'int_value': null}}, "
        ~ "{'key': null, 'value': {'string_value': 'x', 'int_value': null}}]",
        '{"word":"null"}',
    ),
    (
        "a file in which numbers are text and fields are left out",
        "cast('[{\"key\": \"id\", \"value\": {\"int_value\": \"7\"}}, {\"key\": \"name\", \"value\": {\"string_value\": \"Ada\"}}]' as json)",
        '{"id":7,"name":"Ada"}',
    ),
    ("an empty list", "cast([] as struct(key varchar, value struct(string_value varchar))[])", none),
    ("no list", "cast(null as struct(key varchar, value struct(string_value varchar))[])", none),
    ("no column", "cast(null as varchar)", none),
] %}

with

results as (
    {% for input, pairs, expected in cases %}
    select
        '{{ input }}' as input,
        {{ cdp.cdp_text_literal(expected) if expected else "null" }} as expected,
        {{ cdp.cdp_json_from_pairs(pairs) }} as result
    {{ "union all" if not loop.last }}
    {%- endfor %}

)

select * from results

where result is distinct from expected
