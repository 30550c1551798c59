{# Trait -> eight hexadecimal digits that change when its definition does, or that of a trait which it is computed from;
   a description is no definition. `traits` are in the order of cdp_traits. #}
{% macro cdp_trait_versions(traits) %}
    {%- set versions = {} -%}
    {%- for trait in traits -%}
        {%- set definition = [] -%}
        {%- for key, value in trait | dictsort if key not in ["description", "level", "aggregate", "field"] -%}
            {%- do definition.append([key, value]) -%}
        {%- endfor -%}
        {%- for name in cdp.cdp_names_in(trait.field) | unique | sort if "level" in trait and name in versions -%}
            {%- do definition.append(versions[name]) -%}
        {%- endfor -%}
        {%- do versions.update({trait.name: local_md5(definition | string)[:8]}) -%}
    {%- endfor -%}
    {{- return(versions) -}}
{% endmacro %}
