{# Whether consent is given, of an expression of any type: true or false, or a text or number that says so. What is null or empty says
   nothing, and what is none of the words for yes is a no: nobody must be written to because a word was not understood. #}
{% macro cdp_is_granted(expression) %}
    {# The line end is for a comment in it. #}
    {%- set said = cdp.cdp_trim("lower(cast((" ~ expression ~ "\n) as " ~ dbt.type_string() ~ "))") -%}
    {{- return("(nullif(" ~ said ~ ", '') in ('true', 't', 'yes', 'y', 'on', '1'))") -}}
{% endmacro %}
