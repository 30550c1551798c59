{# Whether the model's own table is there and has the column; one that an earlier version of the package has built may lack it. #}
{% macro cdp_table_has(column) %}
    {{- return(
        cdp.cdp_is_incremental() and column in adapter.get_columns_in_relation(this) | map(attribute="name") | map("lower")
    ) -}}
{% endmacro %}
