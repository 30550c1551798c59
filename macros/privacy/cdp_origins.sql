{# Where what cdp_sources reads comes from, for erasures: by the name of each entry a mapping of
     is_permitted  whether the person's rows are deleted there, see cdp_erasure
     model         the user's own model, where the entry has one
     collector     its collector, where it has one
     tables        of a collector whose tables are read, the tables with people in them: name, relation, and what cdp_origin_tables says #}
{% macro cdp_origins() %}
    {%- set permitted = cdp.cdp_erasure().source_tables -%}
    {%- set origins = {} -%}
    {%- for entry in cdp.cdp_sources() -%}
        {%- set tables = [] -%}
        {%- for table, people in (cdp.cdp_origin_tables(entry) if entry.tables else {}).items() -%}
            {%- set relation = source(entry.source, table) -%}
            {%- do tables.append(dict(people, name=table, relation={
                "database": relation.database or "",
                "schema": relation.schema,
                "identifier": relation.identifier,
                "sql": relation | string,
            })) -%}
        {%- endfor -%}
        {%- do origins.update({entry.name: {
            "is_permitted": entry.name in permitted,
            "model": entry.events or entry.records or none,
            "collector": entry.collector or none,
            "tables": tables,
        }}) -%}
    {%- endfor -%}
    {{- return(origins) -}}
{% endmacro %}
