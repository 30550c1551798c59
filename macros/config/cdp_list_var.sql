{# A var that must be a list; [] where it is not set. YAML text is read as what it says, for tools that can
   hand over vars as text alone, as sqlfluff does. #}
{% macro cdp_list_var(name) %}
    {%- set value = var(name, none) or [] -%}
    {%- set entries = fromyaml(value) if value is string else value -%}
    {%- if entries is string or entries is mapping or entries is not sequence -%}
        {%- do exceptions.raise_compiler_error(
            "var " ~ name ~ ": expected a list (lines that begin with '- '), got: " ~ value
        ) -%}
    {%- endif -%}
    {{- return(entries) -}}
{% endmacro %}
