{# The aggregate that gives the texts of a group as a JSON array, in an order; those that are null are left out.
     value  SQL text
     order  SQL to order them by #}
{% macro cdp_json_list(value, order) %}
    {{- return(adapter.dispatch('cdp_json_list', 'cdp')(value, order)) -}}
{% endmacro %}

{% macro default__cdp_json_list(value, order) %}
    {{- "cast(to_json(list(" ~ value ~ " order by " ~ order ~ ") filter (where " ~ value ~ " is not null)) as " ~ dbt.type_string() ~ ")" -}}
{% endmacro %}

{% macro bigquery__cdp_json_list(value, order) %}
    {{- "to_json_string(array_agg(" ~ value ~ " ignore nulls order by " ~ order ~ "))" -}}
{% endmacro %}

{% macro postgres__cdp_json_list(value, order) %}
    {{- "cast(jsonb_agg(" ~ value ~ " order by " ~ order ~ ") filter (where " ~ value ~ " is not null) as text)" -}}
{% endmacro %}

{% macro snowflake__cdp_json_list(value, order) %}
    {{- "to_json(array_agg(" ~ value ~ ") within group (order by " ~ order ~ "))" -}}
{% endmacro %}
