{# Stops the run when a condition of the user's names a column that the relation does not have: a database
   tells the column too, but not whose condition it is. `conditions` maps the place of each, such as
   "cdp_segments, segment 'loyal'", to its SQL. Those with a query of their own are left to the database. #}
{% macro cdp_check_conditions(conditions, relation) %}
    {# Only where the relation has just been built: under `dbt compile` a new column need not be there yet. #}
    {%- if not execute or flags.WHICH not in ["build", "run"] or not conditions -%}
        {{- return("") -}}
    {%- endif -%}
    {%- set columns = adapter.get_columns_in_relation(relation) | map(attribute="name") | map("lower") | list -%}
    {%- set known = columns + cdp.cdp_sql_words() -%}
    {%- for where, condition in conditions.items() -%}
        {# A relation that is not there yet has no columns at all. #}
        {%- for word in cdp.cdp_columns_in(condition) if columns and word not in known -%}
            {%- do exceptions.raise_compiler_error(
                where ~ ": " ~ relation.identifier ~ " has no column '" ~ word ~ "'. Its columns: " ~ columns | sort | join(", ") ~ "."
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
{% endmacro %}


{# The words in a condition that may be columns, in lower case; none where it has a query of its own. #}
{% macro cdp_columns_in(condition) %}
    {%- set literals = "\\b[a-z]{0,2}'[^']*'|'[^']*'|\"[^\"]*\"|`[^`]*`" -%}
    {%- set plain = modules.re.sub(literals ~ "|--[^\n]*|\\bcollate\\s+[a-z_]+", " ", condition | lower) -%}
    {%- if modules.re.search("\\bselect\\b|->|:=|\\\\", plain ~ condition) -%}
        {{- return([]) -}}
    {%- endif -%}
    {{- return(modules.re.findall("(?<![a-z0-9_.$])[a-z_][a-z0-9_]*(?![a-z0-9_]*[(.])", plain)) -}}
{% endmacro %}


{# Words of SQL expressions that are no columns: operators, literals, types and parts of dates. #}
{% macro cdp_sql_words() %}
    {{- return((
        "all and any array as asc at between both by case cast collate cross current_date current_time current_timestamp "
        ~ "cube desc distinct div else end escape exists false following for from glob group having ignore ilike in "
        ~ "interval is isnull leading like mod not notnull null nulls of on or order over partition preceding range "
        ~ "regexp respect rlike row rows safe similar some symmetric then to trailing true unbounded unknown using when "
        ~ "where with within xor zone "
        ~ "bigint bignumeric blob bool boolean bytes char character date datetime decimal double float float4 float64 "
        ~ "float8 hugeint int int16 int2 int32 int4 int64 int8 integer json jsonb number numeric precision real "
        ~ "smallint string struct text time timestamp timestamp_ltz timestamp_ntz timestamp_tz timestamptz tinyint "
        ~ "ubigint uuid varchar varying variant "
        ~ "century dayofweek dayofyear decade dow doy epoch isodow isoweek isoyear microsecond microseconds millennium "
        ~ "millisecond milliseconds second seconds minute minutes hour hours day days week weeks month months quarter "
        ~ "quarters year years monday tuesday wednesday thursday friday saturday sunday"
    ).split(" ")) -}}
{% endmacro %}
