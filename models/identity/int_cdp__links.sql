{{ config(enabled=cdp.cdp_is_on(), materialized="view") }}

with

seen_together as (

    select * from {{ ref("int_cdp__edges") }}

    where node_a <> node_b

),

decided as (

    select * from {{ ref("int_cdp__decision_edges") }}

    where
        node_b is not null
        and (decision = 'link' or is_live)

),

-- A match that has ever been taken, so that whatever it held together can be told to have lost it.
matched as (

    select * from {{ ref("int_cdp__candidates") }}

    where has_been_merge

),

final as (

    select
        node_a,
        node_b,
        {{ cdp.cdp_type_setting("type_b", "priority") }} as tier,
        is_live,
        event_count,
        first_seen,
        last_seen,
        rule,
        source,
        evidence_id,
        batch_id

    from seen_together

    union all

    select
        node_a,
        node_b,
        0 as tier,
        is_live and decision = 'link' as is_live,
        1 as event_count,
        cast(null as {{ dbt.type_timestamp() }}) as first_seen,
        cast(null as {{ dbt.type_timestamp() }}) as last_seen,
        decision as rule,
        cast(null as {{ dbt.type_string() }}) as source,
        decision_id as evidence_id,
        batch_id

    from decided

    union all

    select
        node_a,
        node_b,
        1000 as tier,
        is_live and is_merge as is_live,
        1 as event_count,
        matched_at as first_seen,
        matched_at as last_seen,
        rule,
        cast(null as {{ dbt.type_string() }}) as source,
        candidate_id as evidence_id,
        batch_id

    from matched

)

select * from final
