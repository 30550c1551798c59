with

found as (

    select
        event_id as id,
        reject_reason

    from {{ ref("cdp", "stg_cdp__rejected_events") }}

    union all

    select
        coalesce(record_id, 'a record') as id,
        reject_reason

    from {{ ref("cdp", "stg_cdp__rejected_records") }}

),

expected as (

    select
        id,
        reject_reason

    from {{ ref("expected_rejects") }}

    where batch <= {{ var("batch") }}

    union all

    select
        'a record' as id,
        'no record_id' as reject_reason

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
