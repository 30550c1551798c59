{# The query of a view over the log of ids: the changes of one kind (merge or split), with the identifiers of the
   link that caused each. `other_id` and `changed_at` are the names that its columns get. #}
{% macro cdp_id_changes(change, other_id, changed_at) -%}
with

changes as (

    select * from {{ ref("int_cdp__id_changes") }}

    where change = '{{ change }}'

),

keys as (

    select * from {{ ref("int_cdp__identifier_keys") }}

),

final as (

    select
        changes.canonical_id,
        changes.other_canonical_id as {{ other_id }},
        changes.changed_at as {{ changed_at }},
        changes.rule,
        keys_a.identifier_type as identifier_type_a,
        keys_a.identifier_value as identifier_value_a,
        keys_b.identifier_type as identifier_type_b,
        keys_b.identifier_value as identifier_value_b,
        changes.source,
        changes.evidence_id

    from changes

    left join keys as keys_a on changes.node_a = keys_a.identifier_id

    left join keys as keys_b on changes.node_b = keys_b.identifier_id

)

select * from final
{%- endmacro %}
