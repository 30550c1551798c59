{# What stands between `as` and the bracket of a CTE that may hold a whole table (`is_all`; by default, in a first build): that it is
   read anew wherever the CTE is named, each time in few columns and for some of its rows, where the engine would else hold
   all of it for all who ask. #}
{% macro cdp_read_anew(is_all=none) %}
    {%- set is_wanted = not cdp.cdp_is_incremental() if is_all is none else is_all -%}
    {{- return("not materialized" if target.type == "duckdb" and is_wanted else "") -}}
{% endmacro %}
