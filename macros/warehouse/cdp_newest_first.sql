{# Text that sorts the newest timestamp first and null last: the microseconds until the year 9999, which have 18 digits at any time
   from 1970 to 6800. #}
{% macro cdp_newest_first(timestamp) %}
    {%- set since = "coalesce(" ~ timestamp ~ ", cast('1970-01-01' as " ~ dbt.type_timestamp() ~ "))" -%}
    {{- return("cast(" ~ adapter.dispatch("cdp_micros_left", "cdp")(since) ~ " as " ~ dbt.type_string() ~ ")") -}}
{% endmacro %}

{% macro default__cdp_micros_left(since) %}
    {{- return(dbt.datediff(since, "cast('9999-01-01' as " ~ dbt.type_timestamp() ~ ")", "microsecond") | trim) -}}
{% endmacro %}

{# dbt's difference is a float there. #}
{% macro postgres__cdp_micros_left(since) %}
    {{- return("253370764800000000 - cast(extract(epoch from " ~ since ~ ") * 1000000 as bigint)") -}}
{% endmacro %}
