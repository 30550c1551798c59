{{ config(enabled=cdp.cdp_is_on(), materialized="view", alias="segment_overlaps") }}

with

members as (

    select
        'person' as entity,
        canonical_id as member_id,
        segment_name

    from {{ ref("cdp__segments") }}

    where exited_at is null

    union all

    select
        'account' as entity,
        account_id as member_id,
        segment_name

    from {{ ref("cdp__account_segments") }}

    where exited_at is null

),

sizes as (

    select
        entity,
        segment_name,
        count(*) as members

    from members

    group by
        entity,
        segment_name

),

-- Every pair once, also of segments that share nobody.
pairs as (

    select
        sizes_a.entity,
        sizes_a.segment_name as segment_name_a,
        sizes_b.segment_name as segment_name_b,
        sizes_a.members as members_a,
        sizes_b.members as members_b

    from sizes as sizes_a

    inner join sizes as sizes_b
        on
            sizes_a.entity = sizes_b.entity
            and sizes_a.segment_name < sizes_b.segment_name

),

shared as (

    select
        members_a.entity,
        members_a.segment_name as segment_name_a,
        members_b.segment_name as segment_name_b,
        count(*) as members_of_both

    from members as members_a

    inner join members as members_b
        on
            members_a.entity = members_b.entity
            and members_a.member_id = members_b.member_id
            and members_a.segment_name < members_b.segment_name

    group by
        members_a.entity,
        members_a.segment_name,
        members_b.segment_name

),

final as (

    select
        pairs.entity,
        pairs.segment_name_a,
        pairs.segment_name_b,
        pairs.members_a,
        pairs.members_b,
        coalesce(shared.members_of_both, 0) as members_of_both

    from pairs

    left join shared
        on
            pairs.entity = shared.entity
            and pairs.segment_name_a = shared.segment_name_a
            and pairs.segment_name_b = shared.segment_name_b

)

select * from final
