{# A query of the rows of `relation` that name somebody who is suppressed: the columns `keys`, by which they are told apart;
   is_dropped, where the row is that person's; and has_suppressed_<type> for each of `types`.

   A row is the person's of its strongest identifier that is usable and not shared, as when events are attributed, of equals by the
   name of the type. One that
   is somebody else's stays, without the identifiers that are suppressed. `relation` is a CTE that has the columns `types`. #}
{% macro cdp_suppressed_rows(relation, keys, types) %}
    {%- set text = dbt.type_string() -%}
    {%- set settings = cdp.cdp_identifier_types() | selectattr("name", "in", types) | sort(attribute="name") | sort(attribute="priority") -%}
    {%- set reasons = {} -%}
    {%- for type in settings -%}
        {%- do reasons.update({type.name: cdp.cdp_block_reason(type.form, "candidates.identifier_value")}) -%}
    {%- endfor -%}
    {%- set key_list = keys | join(", ") -%}
    with

    named as (
        {% for type in settings %}
        select
            {{ key_list }},
            '{{ type.name }}' as identifier_type,
            {{ loop.index }} as priority,
            {{ cdp.cdp_normalize_identifier(type.form, "cast(" ~ type.name ~ " as " ~ text ~ ")") }} as identifier_value

        from {{ relation }}

        where {{ type.name }} is not null
        {{ "union all" if not loop.last }}
        {%- endfor %}

    ),

    suppressed as (

        {{ cdp.cdp_suppressed("named", keys + ["identifier_type", "priority"]) | indent(8) }}

    ),

    suppressed_rows as (

        select
            {{ key_list }},
            {%- for type in settings %}
            max(case when identifier_type = '{{ type.name }}' then 1 else 0 end) = 1 as has_suppressed_{{ type.name }},
            {%- endfor %}
            min(priority) as priority

        from suppressed

        group by {{ key_list }}

    ),

    shared as (

        select distinct
            identifier_type_a as identifier_type,
            {{ cdp.cdp_normal_form("identifier_type_a", "identifier_value_a") }} as identifier_value

        from {{ ref("cdp__identity_decisions") }}

        where decision = 'shared'

    ),

    blocked as (

        {{- cdp.cdp_blocked_values() | indent(4) }}

    ),

    -- Whatever names somebody else, in the rows with one who is suppressed.
    candidates as (

        select named.*

        from named

        inner join suppressed_rows
            on
                {%- for key in keys %}
                {{ "and " if not loop.first }}named.{{ key }} = suppressed_rows.{{ key }}
                {%- endfor %}

        left join suppressed
            on
                {%- for key in keys %}
                named.{{ key }} = suppressed.{{ key }}
                and {% endfor -%}
                named.identifier_type = suppressed.identifier_type

        left join shared
            on
                named.identifier_type = shared.identifier_type
                and named.identifier_value = shared.identifier_value

        where
            suppressed.identifier_type is null
            and shared.identifier_type is null
            and lower(named.identifier_value) not in (select blocked.identifier_value from blocked)

    ),

    others as (

        select
            {{ key_list }},
            min(priority) as priority

        from candidates

        where {{ cdp.cdp_by_type("candidates.identifier_type", reasons) }} is null

        group by {{ key_list }}

    )

    select
        suppressed_rows.*,
        others.priority is null
        or others.priority > suppressed_rows.priority as is_dropped

    from suppressed_rows

    left join others
        on
            {%- for key in keys %}
            {{ "and " if not loop.first }}suppressed_rows.{{ key }} = others.{{ key }}
            {%- endfor %}
{% endmacro %}
