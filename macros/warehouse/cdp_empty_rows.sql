{# A query that has the given columns (name -> kind, see cdp_type) and no row. #}
{% macro cdp_empty_rows(columns) %}
    select
        {% for name, kind in columns.items() -%}
        cast(null as {{ cdp.cdp_type(kind) }}) as {{ name }}{{ "," if not loop.last }}
        {% endfor %}
    from (select 1 as one) as nothing

    where one = 0
{%- endmacro %}
