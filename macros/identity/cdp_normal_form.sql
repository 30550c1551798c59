{# The normal form of an identifier whose type is in a column, null for an unknown type: cdp_normalize_identifier by the
   form of each type. Both arguments are string expressions. #}
{% macro cdp_normal_form(identifier_type, identifier_value) %}
    {%- set forms = {} -%}
    {%- for type in cdp.cdp_identifier_types() -%}
        {%- do forms.update({type.name: cdp.cdp_normalize_identifier(type.form, identifier_value)}) -%}
    {%- endfor -%}
    {{- return(cdp.cdp_by_type(identifier_type, forms)) -}}
{% endmacro %}
