{# A query whose rows a first build lays down in the order of a column, where the engine keeps rows as they come and leaves unread, by
   their least and greatest values, those that lie together (see cdp_within_days). What later builds add is mostly in that order
   by itself. Elsewhere, and in later builds, the query as it is. #}
{% macro cdp_in_order(query, column) %}
    {%- if target.type != "duckdb" or cdp.cdp_is_incremental() -%}
        {{- return(query) -}}
    {%- endif -%}
    {{- return("select * from (" ~ query ~ "\n\n    order by " ~ column ~ "\n    ) as ordered") -}}
{% endmacro %}
