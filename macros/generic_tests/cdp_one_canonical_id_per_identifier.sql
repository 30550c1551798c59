{# A test of identity_graph, or of what a user puts in its place: every identifier that is seen has one row, with a
   canonical_id unless it is shared.
   Failing rows have identifier_id, identifier_type and problem: `missing`, `in several rows`, `no canonical_id` or
   `shared and with a canonical_id`. #}
{% test cdp_one_canonical_id_per_identifier(model) %}

with

counted as (

    select
        min(identifier_id) as identifier_id,
        identifier_type,
        count(*) as count_rows,
        count(canonical_id) as count_ids,
        sum(case when is_shared then 1 else 0 end) as count_shared

    from {{ model }}

    group by identifier_type, identifier_value

),

missing as (

    select
        edges.node_a as identifier_id,
        edges.type_a as identifier_type,
        'missing' as problem

    from {{ ref("int_cdp__edges") }} as edges

    where
        edges.node_a = edges.node_b
        and edges.is_live
        and edges.node_a not in (select counted.identifier_id from counted)

),

judged as (

    select
        identifier_id,
        identifier_type,
        case
            when count_rows > 1 then 'in several rows'
            when count_shared = 0 and count_ids = 0 then 'no canonical_id'
            when count_shared = 1 and count_ids = 1 then 'shared and with a canonical_id'
        end as problem

    from counted

    union all

    select * from missing

)

select * from judged

where problem is not null

{% endtest %}
