{# Text that sorts the newest timestamp first and null last: the microseconds until the year 9999, which have 18 digits at any time
   from 1970 to 6800. #}
{% macro cdp_newest_first(timestamp) %}
    {%- set type = dbt.type_timestamp() -%}
    {%- set since = "coalesce(" ~ timestamp ~ ", cast('1970-01-01' as " ~ type ~ "))" -%}
    {%- set left = dbt.datediff(since, "cast('9999-01-01' as " ~ type ~ ")", "microsecond") | trim -%}
    {{- return("cast(" ~ left ~ " as " ~ dbt.type_string() ~ ")") -}}
{% endmacro %}
