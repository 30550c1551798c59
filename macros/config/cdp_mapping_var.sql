{# A var that may be a mapping, as it is written; {} where it is not set. YAML text is read as what it says: see cdp_list_var. #}
{% macro cdp_mapping_var(name) %}
    {%- set value = var(name, none) or {} -%}
    {{- return(fromyaml(value) if value is string else value) -}}
{% endmacro %}
