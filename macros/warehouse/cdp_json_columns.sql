{# A query over a relation that keeps some of its columns (`name` or `name as other`) and reads fields of one JSON text column as
   text columns. `fields` maps a column to a list of JSON paths; the first that is not null wins.
   A field that holds an object or an array is its JSON text. #}
{% macro cdp_json_columns(relation, json_column, keep, fields) %}
    {{- return(adapter.dispatch('cdp_json_columns', 'cdp')(relation, json_column, keep, fields)) -}}
{% endmacro %}

{# DuckDB parses the text again for every call, so that one call takes all the paths: six times faster. #}
{% macro default__cdp_json_columns(relation, json_column, keep, fields) %}
    {%- set paths = fields.values() | sum(start=[]) -%}
    select
        {% for column in keep %}{{ column.split(" as ") | last }}, {% endfor %}
        {%- for column, column_paths in fields.items() %}
        coalesce({% for path in column_paths %}cdp_json[{{ paths.index(path) + 1 }}]{{ ", " if not loop.last }}{% endfor %}) as {{ column }}{{ "," if not loop.last }}
        {%- endfor %}

    from (
        select
            {% for column in keep %}{{ column }}, {% endfor %}
            json_extract_string({{ json_column }}, ['{{ paths | join("', '") }}']) as cdp_json

        from {{ relation }}
    ) as parsed
{%- endmacro %}

{% macro bigquery__cdp_json_columns(relation, json_column, keep, fields) %}
    select
        {% for column in keep %}{{ column }}, {% endfor %}
        {%- for column, column_paths in fields.items() %}
        coalesce({% for path in column_paths %}json_value({{ json_column }}, '{{ path }}'), json_query({{ json_column }}, '{{ path }}'){{ ", " if not loop.last }}{% endfor %}) as {{ column }}{{ "," if not loop.last }}
        {%- endfor %}

    from {{ relation }}
{%- endmacro %}

{% macro postgres__cdp_json_columns(relation, json_column, keep, fields) %}
    select
        {% for column in keep %}{{ column.split(" as ") | last }}, {% endfor %}
        {%- for column, column_paths in fields.items() %}
        coalesce({% for path in column_paths %}cdp_json #>> '{{ "{" ~ path.replace("$.", "").replace('"', "").split(".") | join(",") ~ "}" }}'{{ ", " if not loop.last }}{% endfor %}) as {{ column }}{{ "," if not loop.last }}
        {%- endfor %}

    from (
        select
            {% for column in keep %}{{ column }}, {% endfor %}
            cast({{ json_column }} as jsonb) as cdp_json

        from {{ relation }}
    ) as parsed
{%- endmacro %}

{% macro snowflake__cdp_json_columns(relation, json_column, keep, fields) %}
    select
        {% for column in keep %}{{ column.split(" as ") | last }}, {% endfor %}
        {%- for column, column_paths in fields.items() %}
        coalesce({% for path in column_paths %}get_path(cdp_json, '{{ path.replace("$.", "") }}')::varchar{{ ", " if not loop.last }}{% endfor %}) as {{ column }}{{ "," if not loop.last }}
        {%- endfor %}

    from (
        select
            {% for column in keep %}{{ column }}, {% endfor %}
            parse_json({{ json_column }}) as cdp_json

        from {{ relation }}
    ) as parsed
{%- endmacro %}
