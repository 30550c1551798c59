{# Breadth-first search, as CTEs of a `with recursive` of which the last is `distances` (node, depth): how many steps lead
   from every node to one that `start` (node) has. A node may come again with larger depths.

     steps   a CTE (from_node, to_node)
     bounds  a CTE of one row with `depth`, how many steps are gone at most

   A recursive term can neither group nor know what was found before, so the recursion goes on to the bound, and what it
   finds again at the same depth is dropped by the union. BigQuery and Snowflake recur by `union all` alone, with which the
   rows would multiply: there it is written out, 20 layers that are grouped each. #}
{% macro cdp_distances(start, steps, bounds) %}
    {{- return(adapter.dispatch('cdp_distances', 'cdp')(start, steps, bounds)) -}}
{% endmacro %}

{% macro default__cdp_distances(start, steps, bounds) -%}
distances as (

    select
        node,
        0 as depth

    from {{ start }}

    union distinct

    select
        {{ steps }}.from_node as node,
        distances.depth + 1 as depth

    from distances

    inner join {{ steps }} on distances.node = {{ steps }}.to_node

    cross join {{ bounds }}

    where distances.depth < {{ bounds }}.depth

)
{%- endmacro %}

{#- To stay is a step without length, so that every layer has what the one before it has. BigQuery keeps the rows of a
    CTE that refers to itself, and works out any other anew wherever it is named. -#}
{% macro bigquery__cdp_distances(start, steps, bounds) -%}
bounded_steps as (

    (
        select
            from_node,
            to_node,
            1 as length

        from {{ steps }}

        union all

        select distinct
            from_node,
            from_node as to_node,
            0 as length

        from {{ steps }}
    )

    union all

    select
        from_node,
        to_node,
        length

    from bounded_steps

    where false

),

distances_0 as (

    select
        node,
        0 as depth

    from {{ start }}

),
{% for layer in range(1, 21) %}
distances_{{ layer }} as (

    select
        bounded_steps.from_node as node,
        min(nearer.depth + bounded_steps.length) as depth

    from distances_{{ layer - 1 }} as nearer

    inner join bounded_steps on nearer.node = bounded_steps.to_node

    group by bounded_steps.from_node

),
{% endfor %}
distances as (

    select
        node,
        depth

    from distances_20

    union all

    select
        node,
        depth

    from distances

    where false

)
{%- endmacro %}

{% macro snowflake__cdp_distances(start, steps, bounds) %}{{ cdp.bigquery__cdp_distances(start, steps, bounds) }}{% endmacro %}
