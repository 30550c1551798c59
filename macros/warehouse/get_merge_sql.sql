{# dbt's macro of that name, which it finds here first, and for this package's models alone: the statement by which an incremental
   model writes changed rows, where its strategy is merge. BigQuery reads and pays for every part of the table unless
   a constant says which parts are meant, and a variable of a script is one: so the days (or months) are told first in which there
   are new rows, or rows that these replace. A key that says itself which day its row is of (`meta.cdp_key_has_day`) need not
   be looked up in the table. #}
{% macro get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates=none) %}
    {%- set parts = config.get("partition_by") -%}
    {%- if not parts -%}
        {{- return(dbt.get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates)) -}}
    {%- endif -%}
    {%- set keys = [unique_key] if unique_key is string else unique_key -%}
    {%- set same = [] -%}
    {%- for key in keys -%}
        {%- do same.append("incoming." ~ key ~ " = stored." ~ key) -%}
    {%- endfor -%}
    {%- set merged = "DBT_INTERNAL_DEST." ~ parts.field -%}
    {%- set is_meant = cdp.cdp_part(parts, merged) ~ " in unnest(cdp_parts) or " ~ merged ~ " is null" -%}
declare cdp_parts array<{{ parts.data_type }}> default (
    select array_agg(distinct part ignore nulls)

    from (
        select {{ cdp.cdp_part(parts, "incoming." ~ parts.field) }} as part

        from {{ source }} as incoming
        {%- if not config.get("meta", {}).cdp_key_has_day %}

        union all

        select {{ cdp.cdp_part(parts, "stored." ~ parts.field) }} as part

        from {{ target }} as stored

        inner join {{ source }} as incoming on {{ same | join(" and ") }}
        {%- endif %}
    ) as parts
);
{{ dbt.get_merge_sql(target, source, unique_key, dest_columns, (incremental_predicates or []) + [is_meant]) }}
{% endmacro %}


{# The part that a value of the column lies in. #}
{% macro cdp_part(parts, column) %}
    {{- return(parts.data_type ~ "_trunc(" ~ column ~ ", " ~ parts.granularity ~ ")") -}}
{% endmacro %}
