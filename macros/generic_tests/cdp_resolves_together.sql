{# A test of fixtures, on a seed or a model with one row an identifier: the identifiers of a group are one person's.
     group_name        any name; `group` is a reserved word in SQL
     identifier_type   such as user_id or email; see the var cdp_identifiers
     identifier_value  in any spelling that events may have it
   Failing rows have group_name, identifier_type and problem: `not seen`, `shared`, `blocked: ` and the reason,
   `apart from the rest` (with no more than half of its group), or `alone in its group`, which says nothing. #}
{% test cdp_resolves_together(model) %}

with

identifiers as (

    {{ cdp.cdp_fixture_identifiers(model) | indent(4) }}

),

judged as (

    select
        group_name,
        identifier_type,
        case
            when problem is not null then problem
            when group_size = 1 then 'alone in its group'
            when 2 * count_together <= count_known then 'apart from the rest'
        end as problem

    from identifiers

)

select * from judged

where problem is not null

{% endtest %}
