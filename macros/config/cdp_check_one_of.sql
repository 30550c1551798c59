{# Stops the run unless `entry` has exactly one of the keys; returns that one. #}
{% macro cdp_check_one_of(entry, where, keys) %}
    {%- set given = keys | select("in", entry) | list -%}
    {%- if given | length != 1 -%}
        {%- do exceptions.raise_compiler_error(
            where ~ ": give exactly one of " ~ keys | join(", ") ~ "; got " ~ (given | join(" and ") or "none") ~ "."
        ) -%}
    {%- endif -%}
    {{- return(given[0]) -}}
{% endmacro %}
