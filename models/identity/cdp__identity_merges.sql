{{ config(enabled=cdp.cdp_is_on(), materialized="view", alias="identity_merges") }}

with

changes as (

    select * from {{ ref("int_cdp__id_changes") }}

    where change = 'merge'

),

keys as (

    select * from {{ ref("int_cdp__identifier_keys") }}

),

final as (

    select
        changes.canonical_id,
        changes.other_canonical_id as merged_canonical_id,
        changes.changed_at as merged_at,
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
