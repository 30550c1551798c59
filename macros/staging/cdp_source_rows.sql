{# A query of the rows of one table of a collector, of all entries of cdp_sources that use it: the entry's name as `source`, and
   the columns asked for, in a type of their own. What the table lacks is null.

     columns  column -> kind (see cdp_type, and `raw`: as it is), or (kind, spellings): the names that the column may have in
              the table, whose first that exists is read. A spelling `re:` and a pattern stands for all columns whose names match
              it; the first that is not null counts
     others   the name of one more column: JSON text of an object of all columns that were not asked for and are not null; or a
              mapping of such names to a prefix, which the columns in it have, and lose
     ignored  patterns of names that are none of the others, as long as they have none of the prefixes
     needs    columns of which the table must have one

   Raises a compiler error where a dbt source has none of the collector's tables, or a table none of the columns it needs. #}
{% macro cdp_source_rows(collector, table, columns, others=none, ignored=[], needs=[]) %}
    {%- for entry in cdp.cdp_sources_of(collector) -%}
    {{ cdp.cdp_source_table_rows(entry, table, columns, others, ignored, needs) }}
    {%- if not loop.last %}

    union all

    {% endif -%}
    {%- endfor -%}
{%- endmacro %}


{# The same of one entry. #}
{% macro cdp_source_table_rows(entry, table, columns, others, ignored, needs) -%}
    {%- set found = cdp.cdp_source_columns(entry, table) -%}
    {%- set reads = {} -%}
    {%- set missing = [] -%}
    {%- set read_names = [] -%}
    {%- for column, wanted in columns.items() -%}
        {%- set kind = wanted if wanted is string else wanted[0] -%}
        {%- set names = cdp.cdp_matching_columns(found, [column] if wanted is string else wanted[1]) -%}
        {%- do read_names.extend(names | map("lower")) -%}
        {%- do missing.append(column) if not names -%}
        {%- do reads.update({
            column: cdp.cdp_read_column(names, kind, found.types) if names
                else "cast(null as " ~ cdp.cdp_type("text" if kind == "raw" else kind) ~ ")"
        }) -%}
    {%- endfor -%}
    {%- if found.relation and needs and not needs | reject("in", missing) | list -%}
        {%- do exceptions.raise_compiler_error(
            "cdp_sources, source '" ~ entry.name ~ "': the table " ~ found.relation ~ " has none of the columns " ~ needs | join(", ")
            ~ ". Is it a table of " ~ entry.collector ~ "? Set `identifier:` of the table '" ~ table ~ "' in the dbt source '"
            ~ entry.source ~ "' to the right one. It has: " ~ found.types.keys() | join(", ") ~ "."
        ) -%}
    {%- endif -%}
    {%- for name, prefix in ({others: ""} if others is string else others or {}).items() -%}
        {%- do reads.update({name: cdp.cdp_other_columns(found.types, read_names, [] if prefix else ignored, prefix)}) -%}
    {%- endfor -%}
    select
        '{{ entry.name }}' as source,
        {%- for column, read in reads.items() %}
        {{ read }} as {{ column }}{{ "," if not loop.last }}
        {%- endfor %}

    from {{ found.relation or "(select 1 as one) as nothing" }}
    {%- if not found.relation %}

    where one = 0
    {%- endif %}
{%- endmacro %}


{# What is known of a table in the dbt source of an entry: its `relation`, none where it does not exist; `types`, those of its columns by
   name; `is_known`, false without a connection, and for a wildcard, whose columns no warehouse tells. Then it is taken to have every
   column that it may have. #}
{% macro cdp_source_columns(entry, table) %}
    {%- set relation = source(entry.source, table) -%}
    {%- if not (execute and flags.INTROSPECT) or "*" in (relation.identifier or "") -%}
        {{- return({"relation": relation, "types": {}, "is_known": false}) -}}
    {%- endif -%}
    {%- if load_relation(relation) -%}
        {%- set types = {} -%}
        {%- for column in adapter.get_columns_in_relation(relation) | sort(attribute="name") -%}
            {%- do types.update({column.name: column.dtype}) -%}
        {%- endfor -%}
        {{- return({"relation": relation, "types": types, "is_known": true}) -}}
    {%- endif -%}
    {%- do cdp.cdp_check_source_exists(entry) -%}
    {{- return({"relation": none, "types": {}, "is_known": true}) -}}
{% endmacro %}


{# Stops a build where the dbt source of an entry has none of the collector's tables: its schema is another one. #}
{% macro cdp_check_source_exists(entry) %}
    {%- set relations = [] -%}
    {%- set existing = [] -%}
    {%- for table in entry.tables -%}
        {%- do relations.append(source(entry.source, table)) -%}
        {%- do existing.append(table) if load_relation(relations[-1]) -%}
    {%- endfor -%}
    {%- if flags.WHICH in ["build", "run", "retry"] and not existing -%}
        {%- do exceptions.raise_compiler_error(
            "cdp_sources, source '" ~ entry.name ~ "': none of the tables of " ~ entry.collector ~ " exists: looked for "
            ~ relations | join(", ") ~ ". Set `database:` and `schema:` of the dbt source '" ~ entry.source
            ~ "' to where they are, and `identifier:` of a table that has another name."
        ) -%}
    {%- endif -%}
{% endmacro %}


{# The names, as the table has them, of the columns that a spelling stands for; none of them if there is no such column. #}
{% macro cdp_matching_columns(found, spellings) %}
    {%- set names = [] -%}
    {%- for spelling in spellings -%}
        {%- if not names and not found.is_known and not spelling.startswith("re:") -%}
            {%- do names.append(cdp.cdp_folded_name(spelling)) -%}
        {%- elif not names -%}
            {%- for name in found.types if cdp.cdp_is_spelling(spelling, name | lower) -%}
                {%- do names.append(name) -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(names) -}}
{% endmacro %}


{% macro cdp_is_spelling(spelling, name) %}
    {%- if spelling.startswith("re:") -%}
        {{- return(modules.re.fullmatch(spelling[3:], name) is not none) -}}
    {%- endif -%}
    {{- return((spelling | lower) == name) -}}
{% endmacro %}


{# The SQL that reads a value of a kind from the first of these columns that is not null. #}
{% macro cdp_read_column(names, kind, types) %}
    {%- set reads = [] -%}
    {%- for name in names -%}
        {%- set column = adapter.quote(name) -%}
        {%- if kind == "timestamp" -%}
            {%- do reads.append(cdp.cdp_utc_timestamp(column, types.get(name))) -%}
        {%- elif kind == "json" -%}
            {# BigQuery knows no list that is null. #}
            {%- set json = cdp.cdp_json_from(column) -%}
            {%- do reads.append("nullif(" ~ json ~ ", '[]')" if names | length > 1 else json) -%}
        {%- elif kind == "number" -%}
            {%- do reads.append(cdp.cdp_try_number("cast(" ~ column ~ " as " ~ dbt.type_string() ~ ")")) -%}
        {%- elif kind == "raw" -%}
            {%- do reads.append(column) -%}
        {%- else -%}
            {%- do reads.append("cast(" ~ column ~ " as " ~ cdp.cdp_type(kind) ~ ")") -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return("coalesce(" ~ reads | join(", ") ~ ")" if reads | length > 1 else reads[0]) -}}
{% endmacro %}


{# JSON text of an object of the columns that have this prefix, have not been read and match no pattern that leaves them out. #}
{% macro cdp_other_columns(types, read_names, ignored, prefix) %}
    {%- set values = {} -%}
    {%- for name in types if name | lower not in read_names and (name | lower).startswith(prefix) -%}
        {%- set matches = [] -%}
        {%- for pattern in ignored + ["_fivetran_.*", "_airbyte_.*", "_dlt_.*"] if modules.re.fullmatch(pattern, name | lower) -%}
            {%- do matches.append(pattern) -%}
        {%- endfor -%}
        {%- if not matches -%}
            {%- do values.update({(name | lower)[prefix | length:]: adapter.quote(name)}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(cdp.cdp_json_object(values, keep_nulls=false) if values else "cast(null as " ~ dbt.type_string() ~ ")") -}}
{% endmacro %}
