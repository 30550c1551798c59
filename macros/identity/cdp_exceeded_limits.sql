{# A query of the limits that keep pairs of people apart: a row a pair and identifier_type of which the two together have
   more than one person may. `id` names the column of a person in `members` (id, identifier_type; one row an identifier), and
   with _a and _b those of the two in `pairs`. #}
{% macro cdp_exceeded_limits(pairs, members, id) -%}
    with held as (

        select {{ id }}, identifier_type, count(*) as held

        from {{ members }}

        group by {{ id }}, identifier_type

    )

    select distinct
        pairs.{{ id }}_a,
        pairs.{{ id }}_b,
        held_a.identifier_type

    from {{ pairs }} as pairs

    inner join held as held_a on pairs.{{ id }}_a = held_a.{{ id }}

    inner join held as held_b
        on
            pairs.{{ id }}_b = held_b.{{ id }}
            and held_a.identifier_type = held_b.identifier_type

    where
        held_a.held + held_b.held
        > {{ cdp.cdp_type_setting("held_a.identifier_type", "max_per_person") }}
{%- endmacro %}
