{# Any expression to a UTC timestamp without a zone in its type; null when it is none.
   Goes through text and a zone on purpose: a plain cast to TIMESTAMP drops the offset. Text without
   an offset is UTC; a date alone is its midnight. #}
{% macro cdp_try_timestamp(expression) %}
    {{- return(adapter.dispatch('cdp_try_timestamp', 'cdp')(expression)) -}}
{% endmacro %}

{% macro cdp_timestamp_text(expression) %}
    {%- set given = cdp.cdp_trim("cast(" ~ expression ~ " as " ~ dbt.type_string() ~ ")") -%}
    {# The form that most collectors write, told apart without a pattern. #}
    {%- set usual = given ~ " like '____-__-__T__:__%Z'" -%}
    {%- set text = "replace(replace(replace(replace(upper(" ~ given ~ "), ' UTC', 'Z'), ' Z', 'Z'), ' +', '+'), ' -', '-')" -%}
    {%- set clock = "^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?" -%}
    {%- set zulu = cdp.cdp_regexp_like(text, clock ~ "Z$") -%}
    {%- set offset = cdp.cdp_regexp_like(text, clock ~ "[+-](0[0-9]|1[0-4])(:?[0-9]{2})?$") -%}
    {%- set local = cdp.cdp_regexp_like(text, clock ~ "$") -%}
    {%- set date = cdp.cdp_regexp_like(text, "^[0-9]{4}-[0-9]{2}-[0-9]{2}$") -%}
    {{- return(
        "case when " ~ usual ~ " then " ~ given
        ~ " when " ~ zulu ~ " or " ~ offset ~ " then " ~ text
        ~ " when " ~ local ~ " then " ~ dbt.concat([text, "'+00'"])
        ~ " when " ~ date ~ " then " ~ dbt.concat([text, "' 00:00:00+00'"]) ~ " end"
    ) -}}
{% endmacro %}

{# A column that is a timestamp already needs no reading: sixty times faster. #}
{% macro default__cdp_try_timestamp(expression) %}
    {{- "case typeof(" ~ expression ~ ") when 'TIMESTAMP' then try_cast(" ~ expression ~ " as timestamp)"
        ~ " when 'TIMESTAMP WITH TIME ZONE' then timezone('UTC', try_cast(" ~ expression ~ " as timestamptz))"
        ~ " else timezone('UTC', try_cast(" ~ cdp.cdp_timestamp_text(expression) ~ " as timestamptz)) end" -}}
{% endmacro %}

{# A clock has seconds there. #}
{% macro bigquery__cdp_try_timestamp(expression) %}
    {{- "safe_cast(regexp_replace(" ~ cdp.cdp_timestamp_text(expression) ~ ", r'^(.{16})([Z+-])', r'\\1:00\\2') as timestamp)" -}}
{% endmacro %}

{# What is a timestamp already does not go through text, which would have its milliseconds alone. Of texts Snowflake reads those
   whose offset is written in full. #}
{% macro snowflake__cdp_try_timestamp(expression) %}
    {%- set given = "to_variant(" ~ expression ~ ")" -%}
    {%- set text = "regexp_replace(" ~ cdp.cdp_timestamp_text(expression) ~ ", 'Z$', '+00:00')" -%}
    {%- set text = "regexp_replace(" ~ text ~ ", '([+-][0-9]{2})$', '\\\\1:00')" -%}
    {%- set text = "regexp_replace(" ~ text ~ ", '([+-][0-9]{2})([0-9]{2})$', '\\\\1:\\\\2')" -%}
    {{- "coalesce(as_timestamp_ntz(" ~ given ~ "), convert_timezone('UTC', as_timestamp_ltz(" ~ given
        ~ "))::timestamp_ntz, convert_timezone('UTC', coalesce(as_timestamp_tz(" ~ given ~ "), try_to_timestamp_tz("
        ~ text ~ ")))::timestamp_ntz)" -}}
{% endmacro %}

{# Before version 16 Postgres has no cast that may fail, so the text has to be one that cannot: a pattern knows the days of each month.
   `substring` gives what matches it, or null. More than microseconds are cut off, where Postgres would round. #}
{% macro postgres__cdp_try_timestamp(expression) %}
    {%- set leap_year = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)" -%}
    {%- set is_no_missing_day = "(?!0000|.{5}(?:02-3|(?:04|06|09|11)-31))(?:(?!.{5}02-29)|(?=" ~ leap_year ~ "))" -%}
    {%- set day = "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])" -%}
    {%- set clock = "(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.][0-9]+)?)?" -%}
    {%- set offset = "(?:Z|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?)" -%}
    {%- set text = "regexp_replace(" ~ cdp.cdp_timestamp_text(expression) ~ ", '([.][0-9]{6})[0-9]+', '\\1')" -%}
    {{- "cast(substring(" ~ text ~ " from '^(" ~ is_no_missing_day ~ day ~ "[T ]" ~ clock ~ offset
        ~ ")$') as timestamptz) at time zone 'UTC'" -}}
{% endmacro %}
