{# A table that dbt makes and never fills: the `cdp` command writes it. The model's query has the table's
   columns, and the rows that it begins with, if any. Where the table is there, columns that a new version of the package brings are added,
   and nothing else is touched, under --full-refresh neither. #}
{% materialization cdp_ledger, default %}
    {%- set target_relation = this.incorporate(type="table") -%}
    {%- set existing = load_cached_relation(this) -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- if existing is none -%}
        {%- call statement("main") -%}
            {{ create_table_as(False, target_relation, sql) }}
        {%- endcall -%}
    {%- else -%}
        {%- set known = adapter.get_columns_in_relation(existing) | map(attribute="name") | map("lower") | list -%}
        {%- set missing = [] -%}
        {%- for column in get_column_schema_from_query(sql) if column.name | lower not in known -%}
            {%- do missing.append(column) -%}
        {%- endfor -%}
        {%- if missing -%}
            {%- do alter_relation_add_remove_columns(existing, missing, none) -%}
        {%- endif -%}
        {%- call noop_statement("main", "NONE") -%}{%- endcall -%}
    {%- endif -%}

    {%- do persist_docs(target_relation, model) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({"relations": [target_relation]}) }}
{% endmaterialization %}
