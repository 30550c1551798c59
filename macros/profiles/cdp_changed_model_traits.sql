{# Further terms of a union of keys: of whom a trait that comes from a model of the user's is not what the profile has. Such a
   model does not say what has changed in it. A table that is still empty may lack the column of a new trait. #}
{% macro cdp_changed_model_traits(traits, key="canonical_id") -%}
    {%- for trait in traits if trait.aggregate == "model" and cdp.cdp_table_has(trait.name) %}
union distinct

select stored.{{ key }}

from {{ this }} as stored

left join {{ ref(trait.field) }} as given on stored.{{ key }} = given.{{ key }}

where given.{{ trait.name }} is distinct from stored.{{ trait.name }}
{% endfor %}
{%- endmacro %}
