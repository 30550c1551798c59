{# Stops the run unless the value is a text with something in it, as SQL of the user's must be. #}
{% macro cdp_check_sql(value, where) %}
    {%- if value is not string or not value | trim -%}
        {%- do exceptions.raise_compiler_error(where ~ ": expected SQL, got: " ~ value) -%}
    {%- endif -%}
{% endmacro %}
