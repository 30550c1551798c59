{# A date expression plus a whole number of days, which may be negative, as a date. #}
{% macro cdp_add_days(expression, days) %}
    {{- return(adapter.dispatch('cdp_add_days', 'cdp')(expression, days)) -}}
{% endmacro %}

{% macro default__cdp_add_days(expression, days) %}
    {{- "cast(" ~ expression ~ " + interval '" ~ days ~ " day' as date)" -}}
{% endmacro %}

{% macro bigquery__cdp_add_days(expression, days) %}
    {{- "date_add(" ~ expression ~ ", interval " ~ days ~ " day)" -}}
{% endmacro %}
