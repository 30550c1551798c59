{# What stands between `as` and the bracket of a CTE in a first build, which reads all events: that they are read anew wherever the
   CTE is named, each time in few columns and for some of them, where the engine would else hold them for all who ask. #}
{% macro cdp_read_anew() %}
    {{- return("not materialized" if target.type == "duckdb" and not cdp.cdp_is_incremental() else "") -}}
{% endmacro %}
