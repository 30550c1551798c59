with

expected as (

    select
        expected.segment_name,
        graph.canonical_id,
        expected.entered_at,
        expected.exited_at

    from {{ ref("expected_segments") }} as expected

    left join {{ ref("cdp", "cdp__identity_graph") }} as graph
        on
            expected.identifier_type = graph.identifier_type
            and expected.identifier_value = graph.identifier_value

    where expected.batch = {{ var("batch") }}

),

found as (

    select
        segment_name,
        canonical_id,
        entered_at,
        exited_at

    from {{ ref("cdp", "cdp__segments") }}

    -- Who is gone from the graph has left the segments too.
    where
        exited_at is null
        or canonical_id in (select canonical_id from {{ ref("cdp", "cdp__identity_graph") }})

)

(
    select * from expected
    {{ dbt.except() }}
    select * from found
)

union all

(
    select * from found
    {{ dbt.except() }}
    select * from expected
)
