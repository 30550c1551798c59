{# A var that must be a list; [] where it is not set. #}
{% macro cdp_list_var(name) %}
    {%- set entries = var(name, none) or [] -%}
    {%- if entries is string or entries is mapping or entries is not sequence -%}
        {%- do exceptions.raise_compiler_error(
            "var " ~ name ~ ": expected a list (lines that begin with '- '), got: " ~ entries
        ) -%}
    {%- endif -%}
    {{- return(entries) -}}
{% endmacro %}
