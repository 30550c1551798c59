{# The day after a date expression, as a date. #}
{% macro cdp_next_day(expression) %}
    {{- return(adapter.dispatch('cdp_next_day', 'cdp')(expression)) -}}
{% endmacro %}

{% macro default__cdp_next_day(expression) %}
    {{- "cast(" ~ expression ~ " + interval '1 day' as date)" -}}
{% endmacro %}

{% macro bigquery__cdp_next_day(expression) %}
    {{- "date_add(" ~ expression ~ ", interval 1 day)" -}}
{% endmacro %}
