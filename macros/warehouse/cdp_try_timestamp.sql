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

{% macro bigquery__cdp_try_timestamp(expression) %}
    {{- "safe_cast(" ~ cdp.cdp_timestamp_text(expression) ~ " as timestamp)" -}}
{% endmacro %}

{% macro snowflake__cdp_try_timestamp(expression) %}
    {{- "convert_timezone('UTC', try_to_timestamp_tz(" ~ cdp.cdp_timestamp_text(expression)
        ~ "))::timestamp_ntz" -}}
{% endmacro %}
