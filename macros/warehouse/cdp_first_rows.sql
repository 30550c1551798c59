{# A query of one row for each value of some columns: the first in an order.

     relation  a CTE or table
     by        the columns, a list
     order     the order's terms, a list
     columns   what is selected, a list of expressions
     where     a condition that rows must meet, if any #}
{% macro cdp_first_rows(relation, by, order, columns=["*"], where=none) -%}
    {{ adapter.dispatch("cdp_first_rows", "cdp")(relation, by | join(", "), order | join(", "), columns | join(",\n        "), where) }}
{%- endmacro %}

{% macro default__cdp_first_rows(relation, by, order, columns, where) -%}
    select
        {{ columns }}

    from {{ relation }}
    {%- if where %}

    where {{ where }}
    {%- endif %}

    qualify row_number() over (partition by {{ by }} order by {{ order }}) = 1
{%- endmacro %}

{% macro postgres__cdp_first_rows(relation, by, order, columns, where) -%}
    select distinct on ({{ by }})
        {{ columns }}

    from {{ relation }}
    {%- if where %}

    where {{ where }}
    {%- endif %}

    order by {{ by }}, {{ order }}
{%- endmacro %}
