{# A timestamp plus a whole number of units (day, hour, minute, second), still a timestamp. #}
{% macro cdp_timestamp_add(expression, number, unit) %}
    {{- return(adapter.dispatch('cdp_timestamp_add', 'cdp')(expression, number, unit)) -}}
{% endmacro %}

{% macro default__cdp_timestamp_add(expression, number, unit) %}
    {{- expression ~ " + interval '" ~ number ~ " " ~ unit ~ "'" -}}
{% endmacro %}

{% macro bigquery__cdp_timestamp_add(expression, number, unit) %}
    {{- "timestamp_add(" ~ expression ~ ", interval " ~ number ~ " " ~ unit ~ ")" -}}
{% endmacro %}
