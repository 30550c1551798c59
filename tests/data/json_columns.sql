{{ config(enabled=(project_name == 'cdp')) }}

{%- set fields = {
    "user_id": ["$.user_id", "$.userId"],
    "path": ["$.context.page.path", "$.properties.path"],
    "properties": ["$.properties"],
    "first_name": [cdp.cdp_json_path("First Name")],
} %}

{#- A document, and what its fields are in the order above. -#}
{%- set documents = [
    ('{"user_id": "u1", "userId": "u2"}', ["u1", none, none, none]),
    ('{"userId": 42, "properties": {"path": "/a", "n": [1, 2]}}', ["42", "/a", '{"path":"/a","n":[1,2]}', none]),
    ('{"user_id": null, "userId": "u3", "context": {"page": {"path": "/b"}}}', ["u3", "/b", none, none]),
    ('{"user_id": "", "userId": "u4", "First Name": "Ada"}', ["", none, none, "Ada"]),
    ('{}', [none, none, none, none]),
    (none, [none, none, none, none]),
] %}

with

documents as (
    {% for payload, _ in documents %}
    select
        {{ loop.index }} as id,
        cast({{ "'" ~ payload ~ "'" if payload else "null" }} as {{ dbt.type_string() }}) as payload
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

expected as (
    {% for _, values in documents %}
    select
        {%- for field, value in zip(fields, values) %}
        cast({{ "'" ~ value ~ "'" if value is not none else "null" }} as {{ dbt.type_string() }}) as {{ field }},
        {%- endfor %}
        {{ loop.index }} as id
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

parsed as (

    {{ cdp.cdp_json_columns("documents", "payload", ["id", "payload as text"], fields) | indent(4) }}

)

select
    expected.id,
    parsed.*

from expected

left join parsed on expected.id = parsed.id

where
    parsed.id is null
    or parsed.user_id is distinct from expected.user_id
    or parsed.path is distinct from expected.path
    or parsed.first_name is distinct from expected.first_name

    -- Engines differ in the spaces of JSON text, and in the order of its keys.
    or length(replace(parsed.properties, ' ', '')) is distinct from length(expected.properties)
    or {{ cdp.cdp_json_text("parsed.properties", "$.path") }}
    is distinct from {{ cdp.cdp_json_text("expected.properties", "$.path") }}
