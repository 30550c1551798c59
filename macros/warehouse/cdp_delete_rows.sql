{# A statement for a model's post-hook that deletes rows of its own table, which the strategies of an
   incremental model cannot do; nothing after a first build. #}
{% macro cdp_delete_rows(condition) %}
    {%- if cdp.cdp_is_incremental() -%}
        {{- adapter.dispatch("cdp_delete_rows", "cdp")(condition) -}}
    {%- endif -%}
{% endmacro %}

{% macro default__cdp_delete_rows(condition) %}
    {{- return("delete from " ~ this ~ " where " ~ condition) -}}
{% endmacro %}

{# A deletion reads and bills every column, even where it finds nothing: the condition's alone are asked before. #}
{% macro bigquery__cdp_delete_rows(condition) %}
    {{- return(
        "if exists (select 1 from " ~ this ~ " where " ~ condition ~ ") then "
        ~ "delete from " ~ this ~ " where " ~ condition ~ "; end if;"
    ) -}}
{% endmacro %}
