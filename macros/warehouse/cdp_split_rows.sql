{# A query with one row for every part of a text column that lists parts with a delimiter between or after them;
   `keep` names further columns of the relation. #}
{% macro cdp_split_rows(relation, column, delimiter, name, keep=[]) %}
    {{- return(adapter.dispatch('cdp_split_rows', 'cdp')(relation, column, delimiter, name, keep)) -}}
{% endmacro %}

{% macro default__cdp_split_rows(relation, column, delimiter, name, keep) -%}
    select {{ (keep + [name]) | join(", ") }}

    from (
        select {% for kept in keep %}{{ kept }}, {% endfor %}unnest(string_split({{ column }}, '{{ delimiter }}')) as {{ name }}

        from {{ relation }}

        where {{ column }} is not null
    ) as parts

    where {{ name }} <> ''
{%- endmacro %}

{# The relation may have a column of the name that the parts get. #}
{% macro bigquery__cdp_split_rows(relation, column, delimiter, name, keep) -%}
    select {% for kept in keep %}{{ kept }}, {% endfor %}one_part as {{ name }}

    from {{ relation }}

    cross join unnest(split({{ column }}, '{{ delimiter }}')) as one_part

    where one_part <> ''
{%- endmacro %}

{% macro postgres__cdp_split_rows(relation, column, delimiter, name, keep) -%}
    select {% for kept in keep %}{{ kept }}, {% endfor %}parts.one_part as {{ name }}

    from {{ relation }}

    cross join lateral string_to_table({{ column }}, '{{ delimiter }}') as parts (one_part)

    where parts.one_part <> ''
{%- endmacro %}

{% macro snowflake__cdp_split_rows(relation, column, delimiter, name, keep) -%}
    select {% for kept in keep %}{{ kept }}, {% endfor %}parts.value as {{ name }}

    from {{ relation }}

    cross join lateral split_to_table({{ column }}, '{{ delimiter }}') as parts

    where parts.value <> ''
{%- endmacro %}
