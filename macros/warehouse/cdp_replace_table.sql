{# Runs the main statement of a materialization: the table anew from a query, without a moment in which it
   is missing. `existing` is the relation of that name, or none. #}
{% macro cdp_replace_table(relation, existing, sql) %}
    {%- if existing is not none and not existing.is_table -%}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
    {%- do adapter.dispatch('cdp_replace_table', 'cdp')(relation, existing, sql) -%}
{% endmacro %}

{% macro default__cdp_replace_table(relation, existing, sql) %}
    {%- call statement("main") -%}
        create or replace table {{ relation }} as {{ sql }}
    {%- endcall -%}
{% endmacro %}

{# dbt's statement knows whether the table is transient. #}
{% macro snowflake__cdp_replace_table(relation, existing, sql) %}
    {%- call statement("main") -%}
        {{ create_table_as(false, relation, sql) }}
    {%- endcall -%}
{% endmacro %}

{# Views of the user's may hang on the table, so that it stays and only its rows go. #}
{% macro postgres__cdp_replace_table(relation, existing, sql) %}
    {%- if existing is not none and existing.is_table -%}
        {%- call statement("main") -%}
            delete from {{ relation }};
            insert into {{ relation }} {{ sql }}
        {%- endcall -%}
    {%- else -%}
        {%- call statement("main") -%}
            create table {{ relation }} as {{ sql }}
        {%- endcall -%}
    {%- endif -%}
{% endmacro %}
