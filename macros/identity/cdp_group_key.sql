{# One text for a group of events that are counted together: same identifiers, same source, same UTC day. #}
{% macro cdp_group_key(tuple_key, source, timestamp) %}
    {%- set day = "cast(cast(" ~ timestamp ~ " as date) as " ~ dbt.type_string() ~ ")" -%}
    {{- return(dbt.concat([tuple_key, "' '", source, "' '", day])) -}}
{% endmacro %}
