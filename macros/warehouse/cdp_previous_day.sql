{# The day before a date expression, as a date. #}
{% macro cdp_previous_day(expression) %}
    {{- return(adapter.dispatch('cdp_previous_day', 'cdp')(expression)) -}}
{% endmacro %}

{% macro default__cdp_previous_day(expression) %}
    {{- "cast(" ~ expression ~ " - interval '1 day' as date)" -}}
{% endmacro %}

{% macro bigquery__cdp_previous_day(expression) %}
    {{- "date_sub(" ~ expression ~ ", interval 1 day)" -}}
{% endmacro %}
