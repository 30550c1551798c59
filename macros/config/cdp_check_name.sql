{# Stops the run unless `name` can be a column name as it stands, and is not taken yet. #}
{% macro cdp_check_name(name, where, taken=[]) %}
    {%- if not modules.re.match("^[a-z][a-z0-9_]{0,62}$", name | string) -%}
        {%- do exceptions.raise_compiler_error(
            where ~ ": '" ~ name ~ "' is not a usable name: lower-case letters, digits and _ only, a letter first."
        ) -%}
    {%- endif -%}
    {%- if name in taken -%}
        {%- do exceptions.raise_compiler_error(where ~ ": the name '" ~ name ~ "' is used twice.") -%}
    {%- endif -%}
{% endmacro %}
