{# A case expression over identifier types: `column` holds the type, `values` maps a type's name to SQL. #}
{% macro cdp_by_type(column, values) %}
    {%- set cases = [] -%}
    {%- for name, value in values.items() -%}
        {%- do cases.append("when '" ~ name ~ "' then " ~ value) -%}
    {%- endfor -%}
    {{- return("case " ~ column ~ " " ~ cases | join(" ") ~ " end") -}}
{% endmacro %}

{# One number of each identifier type (priority, max_per_person or max_people) as an expression. A caller that
   asks often hands over `types`, the result of cdp_identifier_types. #}
{% macro cdp_type_setting(column, setting, types=none) %}
    {%- set values = {} -%}
    {%- for type in types or cdp.cdp_identifier_types() -%}
        {%- do values.update({type.name: type[setting]}) -%}
    {%- endfor -%}
    {{- return(cdp.cdp_by_type(column, values)) -}}
{% endmacro %}
