{# Stores a query's rows in a scratch table of the running model and returns its name; replaces one of
   the same name. Where connections keep temporary tables it is one; elsewhere it stands beside the model
   until cdp_drop_scratch. #}
{% macro cdp_scratch(name, sql) %}
    {{- return(adapter.dispatch('cdp_scratch', 'cdp')(name, sql)) -}}
{% endmacro %}

{% macro default__cdp_scratch(name, sql) %}
    {%- set table = "cdp_scratch_" ~ this.identifier ~ "_" ~ name -%}
    {%- do cdp.cdp_execute("create or replace temp table " ~ table ~ " as " ~ sql) -%}
    {{- return(table) -}}
{% endmacro %}

{% macro bigquery__cdp_scratch(name, sql) %}
    {%- set table = api.Relation.create(
        database=this.database, schema=this.schema, identifier=this.identifier ~ "__scratch_" ~ name, type="table"
    ) -%}
    {%- do cdp.cdp_execute(
        "create or replace table " ~ table
        ~ " options (expiration_timestamp = timestamp_add(current_timestamp(), interval 12 hour)) as " ~ sql
    ) -%}
    {{- return(table | string) -}}
{% endmacro %}

{% macro postgres__cdp_scratch(name, sql) %}
    {%- set table = "cdp_scratch_" ~ local_md5(this.identifier ~ "_" ~ name)[:24] -%}
    {%- do cdp.cdp_execute("drop table if exists " ~ table) -%}
    {%- do cdp.cdp_execute("create temp table " ~ table ~ " as " ~ sql) -%}
    {%- do cdp.cdp_execute("analyze " ~ table) -%}
    {{- return(table) -}}
{% endmacro %}


{# Drops scratch tables by the names that cdp_scratch returned. #}
{% macro cdp_drop_scratch(tables) %}
    {%- do adapter.dispatch('cdp_drop_scratch', 'cdp')(tables) -%}
{% endmacro %}

{% macro default__cdp_drop_scratch(tables) %}
    {%- do cdp.cdp_execute("drop table if exists " ~ tables | join("; drop table if exists ")) -%}
{% endmacro %}

{# One statement at a time is all it takes. #}
{% macro snowflake__cdp_drop_scratch(tables) %}
    {%- for table in tables -%}
        {%- do cdp.cdp_execute("drop table if exists " ~ table) -%}
    {%- endfor -%}
{% endmacro %}


{# Whether a query gives any row. #}
{% macro cdp_has_rows(sql) %}
    {{- return(run_query("select 1 as one from (" ~ sql ~ ") as checked limit 1").rows | length > 0) -}}
{% endmacro %}
