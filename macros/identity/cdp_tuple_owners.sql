{# A query of whose the tuples of a relation are, without the probabilistic rules: (tuple_key, identifier_id, person_id) of
   each tuple's strongest identifier that is usable and not shared. Tuples that name nobody give no row. #}
{% macro cdp_tuple_owners(tuples) -%}
    with

    usable_members as (

        select
            members.tuple_key,
            members.identifier_type,
            members.raw_value,
            {{ cdp.cdp_type_setting("members.identifier_type", "priority") }} as priority,
            people.identifier_id,
            people.person_id

        from {{ ref("int_cdp__tuple_members") }} as members

        inner join {{ ref("int_cdp__deterministic_people") }} as people
            on members.identifier_id = people.identifier_id

        where
            members.is_usable
            and not people.is_shared
            and members.tuple_key in (select tuple_key from {{ tuples }})

    )

    {{
        cdp.cdp_first_rows(
            "usable_members",
            ["tuple_key"],
            ["priority", "identifier_type", "raw_value"],
            ["tuple_key", "identifier_id", "person_id"]
        )
    }}
{%- endmacro %}
