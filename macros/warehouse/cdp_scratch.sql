{# The name of a scratch table of the running model. Where connections keep temporary tables it is one;
   elsewhere it stands beside the model until it is dropped. #}
{% macro cdp_scratch_name(name) %}
    {{- return(adapter.dispatch('cdp_scratch_name', 'cdp')(name)) -}}
{% endmacro %}

{% macro default__cdp_scratch_name(name) %}
    {{- return("cdp_scratch_" ~ this.identifier ~ "_" ~ name) -}}
{% endmacro %}

{% macro bigquery__cdp_scratch_name(name) %}
    {{- return(api.Relation.create(
        database=this.database, schema=this.schema, identifier=this.identifier ~ "__scratch_" ~ name, type="table"
    ) | string) -}}
{% endmacro %}

{# A temporary table lies in a schema there, and that of the connection may not exist. #}
{% macro snowflake__cdp_scratch_name(name) %}
    {{- return(cdp.bigquery__cdp_scratch_name(name)) -}}
{% endmacro %}

{% macro postgres__cdp_scratch_name(name) %}
    {{- return("cdp_scratch_" ~ local_md5(this.identifier ~ "_" ~ name)[:24]) -}}
{% endmacro %}


{# The statements that store a query's rows in a scratch table, by the name that cdp_scratch_name gave; one of
   the same name is replaced, and the query may read it. #}
{% macro cdp_scratch(table, sql) %}
    {{- return(adapter.dispatch('cdp_scratch', 'cdp')(table, sql)) -}}
{% endmacro %}

{% macro default__cdp_scratch(table, sql) %}
    {{- return("create or replace temp table " ~ table ~ " as " ~ sql) -}}
{% endmacro %}

{% macro bigquery__cdp_scratch(table, sql) %}
    {{- return(
        "create or replace table " ~ table
        ~ " options (expiration_timestamp = timestamp_add(current_timestamp(), interval 12 hour)) as " ~ sql
    ) -}}
{% endmacro %}

{% macro postgres__cdp_scratch(table, sql) %}
    {{- return([
        "create temp table " ~ table ~ "_next as " ~ sql,
        "drop table if exists " ~ table,
        "alter table " ~ table ~ "_next rename to " ~ table,
        "analyze " ~ table,
    ] | join(";\n")) -}}
{% endmacro %}


{# The statements that drop scratch tables. #}
{% macro cdp_drop_scratch(tables) %}
    {{- return("drop table if exists " ~ tables | join(";\ndrop table if exists ")) -}}
{% endmacro %}
