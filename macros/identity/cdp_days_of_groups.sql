{# A query of the days (texts YYYY-MM-DD, column `day`) of the groups of events (see cdp_group_key) that a query names. #}
{% macro cdp_days_of_groups(groups) %}
    {{- return("select " ~ dbt.split_part("group_key", "' '", 3) ~ " as day from (" ~ groups ~ ") as touched_groups") -}}
{% endmacro %}
