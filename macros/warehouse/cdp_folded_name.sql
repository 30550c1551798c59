{# A name of a column as the warehouse keeps it where a loader wrote it without quotes. #}
{% macro cdp_folded_name(name) %}
    {{- return(adapter.dispatch('cdp_folded_name', 'cdp')(name)) -}}
{% endmacro %}

{% macro default__cdp_folded_name(name) %}
    {{- return(name) -}}
{% endmacro %}

{% macro snowflake__cdp_folded_name(name) %}
    {{- return(name | upper) -}}
{% endmacro %}
