{# A query of whose the tuples of a relation are, without the probabilistic rules: (tuple_key, identifier_id, person_id) of
   each tuple's strongest identifier that is usable and not shared. Tuples that name nobody give no row. #}
{% macro cdp_tuple_owners(tuples) -%}
    select
        members.tuple_key,
        people.identifier_id,
        people.person_id

    from {{ ref("int_cdp__tuple_members") }} as members

    inner join {{ ref("int_cdp__deterministic_people") }} as people on members.identifier_id = people.identifier_id

    where
        members.is_usable
        and not people.is_shared
        and members.tuple_key in (select tuple_key from {{ tuples }})

    qualify row_number() over (
        partition by members.tuple_key
        order by
            {{ cdp.cdp_type_setting("members.identifier_type", "priority") }},
            members.identifier_type,
            members.raw_value
    ) = 1
{%- endmacro %}
