{# The type of a score from 0 to 1, of two decimals. A cast on BigQuery takes no precision, and dbt warns of a `numeric` without
   one in a contract. #}
{% macro cdp_type_score() %}
    {{- return(adapter.dispatch('cdp_type_score', 'cdp')()) -}}
{% endmacro %}

{% macro default__cdp_type_score() %}{{ "numeric(3, 2)" }}{% endmacro %}

{% macro bigquery__cdp_type_score() %}{{ "bignumeric" }}{% endmacro %}
