{# A column of a known type as a UTC timestamp without a zone in its type; null where it is text that is no time. `data_type` is the
   warehouse's name of the type; none, where nobody could ask, is that of an instant. #}
{% macro cdp_utc_timestamp(column, data_type) %}
    {%- set type = (data_type or "") | lower -%}
    {%- if "timestamp" in type or "datetime" in type or not type -%}
        {{- return(adapter.dispatch('cdp_utc_timestamp', 'cdp')(column, type)) -}}
    {%- endif -%}
    {{- return(cdp.cdp_try_timestamp(column)) -}}
{% endmacro %}

{% macro default__cdp_utc_timestamp(column, type) %}
    {%- set has_zone = not type or "with time zone" in type or "timestamptz" in type -%}
    {{- return("timezone('UTC', " ~ column ~ ")" if has_zone else "cast(" ~ column ~ " as timestamp)") -}}
{% endmacro %}

{% macro bigquery__cdp_utc_timestamp(column, type) %}
    {{- return("timestamp(" ~ column ~ ")" if "datetime" in type else column) -}}
{% endmacro %}

{% macro snowflake__cdp_utc_timestamp(column, type) %}
    {%- set has_zone = not type or "tz" in type.replace("ntz", "") -%}
    {{- return("cast(convert_timezone('UTC', " ~ column ~ ") as timestamp_ntz)" if has_zone else "cast(" ~ column ~ " as timestamp_ntz)") -}}
{% endmacro %}
