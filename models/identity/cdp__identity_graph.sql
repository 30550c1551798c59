{{
    config(
        enabled=cdp.cdp_is_on(),
        alias="identity_graph",
        unique_key="identifier_id",
        cluster_by=cdp.cdp_cluster_by("canonical_id"),
        incremental_strategy=cdp.cdp_incremental_strategy(),
        post_hook="{{ cdp.cdp_delete_rows('identifier_id not in (select identifier_id from ' ~ ref('int_cdp__people') ~ ')') }}"
    )
}}

with

people as {{ cdp.cdp_read_anew(is_all=true) }} (

    select * from {{ ref("int_cdp__people") }}

),

sightings as (

    select * from {{ ref("int_cdp__edges") }}

    where
        node_a = node_b
        and is_live

),

canonical_ids as (

    select
        people.person_id,
        registry.canonical_id

    from {{ ref("int_cdp__canonical_ids") }} as registry

    inner join people on registry.anchor_id = people.identifier_id

    where
        registry.merged_into is null
        and not registry.is_retired

),

present as (

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
        people.is_shared

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

),

final as (

    select
        present.*,
        {{ cdp.cdp_batch_id() }} as batch_id

    from present

    {%- if cdp.cdp_is_incremental() %}

    left join {{ this }} as stored on present.identifier_id = stored.identifier_id

    where
        stored.identifier_id is null
        or present.canonical_id is distinct from stored.canonical_id
        or present.is_shared <> stored.is_shared
        or present.first_seen is distinct from stored.first_seen
        or present.last_seen is distinct from stored.last_seen
        or present.event_count <> stored.event_count
        or present.source_count <> stored.source_count
        or present.first_source <> stored.first_source
    {%- endif %}

)

select * from final
