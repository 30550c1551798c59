{# Whether the model's own table is there to be added to. Unlike dbt's is_incremental it asks nothing of the
   warehouse under --no-introspect, so that the package compiles without a connection. #}
{% macro cdp_is_incremental() %}
    {{- return(flags.INTROSPECT and is_incremental()) -}}
{% endmacro %}
