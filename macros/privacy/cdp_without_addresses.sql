{# The JSON text of a column of events without the addresses that are suppressed, which an event may say there as well. What has
   no such form is left: a short id would be part of something else. `events` is joined with `suppressed` (see
   cdp_suppressed_rows). #}
{% macro cdp_without_addresses(events, column) %}
    {%- set text = namespace(value=events ~ "." ~ column) -%}
    {%- for type in ["email", "phone"] -%}
        {%- set text.value = (
            "case when suppressed.has_suppressed_" ~ type ~ " then replace(" ~ text.value ~ ", " ~ events ~ "." ~ type ~ ", '')"
            ~ " else " ~ text.value ~ " end"
        ) -%}
    {%- endfor -%}
    {{- return(text.value) -}}
{% endmacro %}
