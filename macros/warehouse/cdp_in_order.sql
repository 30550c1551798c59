{# The end of a model's query that lays the rows of a first build down in the order of a column, where the engine keeps rows as they
   come and leaves unread, by their least and greatest values, those that lie together (see cdp_within_days). What later builds
   add is mostly in that order by itself. #}
{% macro cdp_in_order(column) %}
    {{- return("order by " ~ column if target.type == "duckdb" and not cdp.cdp_is_incremental() else "") -}}
{% endmacro %}
