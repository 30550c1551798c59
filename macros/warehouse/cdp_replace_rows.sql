{# Runs the main statement of a materialization: takes rows of a table away and puts others in, both or
   neither. `doomed` is the condition of the rows to go, `columns` the names of those that `sql` gives. #}
{% macro cdp_replace_rows(relation, doomed, columns, sql) %}
    {%- do adapter.dispatch('cdp_replace_rows', 'cdp')(relation, doomed, columns, sql) -%}
{% endmacro %}

{# A statement opens a transaction where none is open, and the materialization commits it. #}
{% macro default__cdp_replace_rows(relation, doomed, columns, sql) %}
    {%- call statement("doomed") -%}
        delete from {{ relation }} where {{ doomed }}
    {%- endcall -%}
    {%- call statement("main") -%}
        insert into {{ relation }} ({{ columns }}) {{ sql }}
    {%- endcall -%}
{% endmacro %}

{% macro bigquery__cdp_replace_rows(relation, doomed, columns, sql) %}
    {%- call statement("main") -%}
        begin transaction;
        delete from {{ relation }} where {{ doomed }};
        insert into {{ relation }} ({{ columns }}) {{ sql }};
        commit transaction;
    {%- endcall -%}
{% endmacro %}

{# dbt opens no transaction there by itself. #}
{% macro snowflake__cdp_replace_rows(relation, doomed, columns, sql) %}
    {%- call statement("main") -%}
        begin;
        delete from {{ relation }} where {{ doomed }};
        insert into {{ relation }} ({{ columns }}) {{ sql }};
        commit;
    {%- endcall -%}
{% endmacro %}
