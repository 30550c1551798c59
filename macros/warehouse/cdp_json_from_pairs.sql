{# JSON text of an object from an array of pairs as Google Analytics writes them: structs of a key and a value, which is a
   struct of string_value, int_value, double_value and float_value, one of them not null. The keys are in order, so that the
   same pairs give the same text. A pair without a value is left out; null where none is left. #}
{% macro cdp_json_from_pairs(expression) %}
    {{- return("nullif(" ~ adapter.dispatch('cdp_json_from_pairs', 'cdp')(expression) ~ ", '{}')") -}}
{% endmacro %}

{# By way of JSON, since a file that somebody exported may lack a field that was never filled, or have numbers as text. #}
{% macro default__cdp_json_from_pairs(expression) %}
    {%- set shape = '[{"key": "VARCHAR", "value": {"string_value": "VARCHAR", "int_value": "BIGINT", '
        ~ '"double_value": "DOUBLE", "float_value": "DOUBLE"}}]' -%}
    {%- set values = [] -%}
    {%- for field in ["string_value", "int_value", "double_value", "float_value"] -%}
        {%- do values.append("to_json(pair.value." ~ field ~ ")") -%}
    {%- endfor -%}
    {{- "'{' || array_to_string(list_sort(list_filter(list_transform(from_json(" ~ cdp.cdp_json_from(expression) ~ ", '" ~ shape
        ~ "'), lambda pair: to_json(pair.key) || ':' || coalesce(" ~ values | join(", ")
        ~ ")), lambda pair: pair is not null)), ',') || '}'" -}}
{% endmacro %}

{% macro bigquery__cdp_json_from_pairs(expression) %}
    {%- set values = [] -%}
    {%- for field in ["string_value", "int_value", "double_value", "float_value"] -%}
        {%- do values.append("nullif(to_json_string(pair.value." ~ field ~ "), 'null')") -%}
    {%- endfor -%}
    {{- "(select concat('{', string_agg(concat(to_json_string(pair.key), ':', coalesce(" ~ values | join(", ")
        ~ ")), ',' order by pair.key), '}') from unnest(" ~ expression ~ ") as pair where pair.key is not null)" -}}
{% endmacro %}

{% macro postgres__cdp_json_from_pairs(expression) %}
    {%- set values = [] -%}
    {%- for field in ["string_value", "int_value", "double_value", "float_value"] -%}
        {%- do values.append("nullif(pair #> '{value," ~ field ~ "}', 'null')") -%}
    {%- endfor -%}
    {{- "(select cast(jsonb_object_agg(key, value) as text) from (select pair ->> 'key' as key, coalesce("
        ~ values | join(", ") ~ ") as value from jsonb_array_elements(cast(" ~ expression
        ~ " as jsonb)) as pairs (pair)) as read where key is not null and value is not null)" -}}
{% endmacro %}

{# object_insert leaves out what is null, and an object keeps its keys in order. #}
{% macro snowflake__cdp_json_from_pairs(expression) %}
    {{- "to_json(reduce(as_array(to_variant(" ~ expression ~ ")), object_construct(), (fields, pair) -> object_insert(fields, pair:key::varchar, "
        ~ "coalesce(to_variant(pair:value:string_value::varchar), to_variant(pair:value:int_value::number), "
        ~ "to_variant(pair:value:double_value::float), to_variant(pair:value:float_value::float)), true)))" -}}
{% endmacro %}
