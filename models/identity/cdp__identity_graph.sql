{{
    config(
        enabled=cdp.cdp_is_on(),
        alias="identity_graph",
        unique_key="identifier_id",
        incremental_strategy=cdp.cdp_incremental_strategy(),
        post_hook="{{ cdp.cdp_delete_rows('identifier_id not in (select identifier_id from ' ~ ref('int_cdp__people') ~ ')') }}"
    )
}}

with

people as (

    select * from {{ ref("int_cdp__people") }}

),

sightings as (

    select * from {{ ref("int_cdp__edges") }}

    where
        node_a = node_b
        and is_live

),

-- A person takes the id that was born first of those whose anchors it holds.
canonical_ids as (

    select
        people.person_id,
        {{ cdp.cdp_arg_min("registry.canonical_id", "registry.birth_number") }} as canonical_id

    from {{ ref("int_cdp__canonical_ids") }} as registry

    inner join people on registry.anchor_id = people.identifier_id

    where not people.is_shared

    group by people.person_id

),

final as (

    select
        case when not people.is_shared then canonical_ids.canonical_id end as canonical_id,
        people.identifier_type,
        keys.identifier_value,
        cast(sightings.first_seen as timestamp) as first_seen,
        cast(sightings.last_seen as timestamp) as last_seen,
        people.identifier_id,
        sightings.event_count,
        sightings.source_count,
        sightings.source as first_source,
        people.is_shared,
        {{ cdp.cdp_batch_id() }} as batch_id

    from people

    inner join sightings on people.identifier_id = sightings.node_a

    inner join {{ ref("int_cdp__identifier_keys") }} as keys on people.identifier_id = keys.identifier_id

    left join canonical_ids on people.person_id = canonical_ids.person_id

    {%- if cdp.cdp_is_incremental() %}
    {%- set last_batch = cdp.cdp_last_batch() %}

    where
        people.batch_id > {{ last_batch }}
        or sightings.batch_id > {{ last_batch }}
    {%- endif %}

)

select * from final
