{# A trait's column in a relation that may have no row for the person or account: what counts is 0 then. #}
{% macro cdp_filled_trait(trait, relation) %}
    {%- set column = relation ~ "." ~ trait.name -%}
    {{- return("coalesce(" ~ column ~ ", 0)" if trait.aggregate in ["count", "sum", "count_distinct", "streak"] else column) -}}
{% endmacro %}
