{# An exact decimal type: sums must not depend on the order in which rows are read. #}
{% macro cdp_type_number() %}
    {{- return(adapter.dispatch('cdp_type_number', 'cdp')()) -}}
{% endmacro %}

{% macro default__cdp_type_number() %}{{ "decimal(38, 9)" }}{% endmacro %}

{% macro bigquery__cdp_type_number() %}{{ "numeric" }}{% endmacro %}

{% macro snowflake__cdp_type_number() %}{{ "number(38, 9)" }}{% endmacro %}
