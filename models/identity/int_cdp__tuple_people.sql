{{
    config(
        enabled=cdp.cdp_is_on(),
        unique_key="tuple_key",
        cluster_by=cdp.cdp_cluster_by("tuple_key"),
        incremental_strategy=cdp.cdp_incremental_strategy()
    )
}}

{%- set last_batch = cdp.cdp_last_batch() %}

with

members as {{ cdp.cdp_read_anew(is_all=true) }} (

    select * from {{ ref("int_cdp__tuple_members") }}

),

graph as {{ cdp.cdp_read_anew(is_all=true) }} (

    select * from {{ ref("cdp__identity_graph") }}

),

{%- if cdp.cdp_is_incremental() %}

touched as (

    select members.tuple_key

    from members

    left join graph on members.identifier_id = graph.identifier_id

    where
        members.batch_id > {{ last_batch }}
        or graph.batch_id > {{ last_batch }}

    union distinct

    -- A person may have lost an identifier that the graph no longer has.
    select tuple_key

    from {{ this }}

    where
        identifier_id is not null
        and identifier_id not in (select identifier_id from graph)

),
{%- endif %}

people_of_members as (

    select
        members.tuple_key,
        graph.identifier_id,
        graph.canonical_id,
        case when graph.canonical_id is null then 1 else 0 end as is_nobody,
        {{ cdp.cdp_type_setting("members.identifier_type", "priority") }} as priority,
        members.identifier_type,
        members.raw_value

    from members

    left join graph
        on
            members.identifier_id = graph.identifier_id
            and members.is_usable

    {%- if cdp.cdp_is_incremental() %}

    where members.tuple_key in (select tuple_key from touched)
    {%- endif %}

),

-- An event belongs to the person of its strongest identifier that is usable and not shared.
attributed as (

    {{
        cdp.cdp_first_rows(
            "people_of_members",
            ["tuple_key"],
            ["is_nobody", "priority", "identifier_type", "raw_value"],
            ["tuple_key", "identifier_id", "canonical_id"]
        )
    }}

),

final as (

    select
        attributed.tuple_key,
        case when attributed.canonical_id is not null then attributed.identifier_id end as identifier_id,
        attributed.canonical_id,
        {% if cdp.cdp_is_incremental() -%}
        stored.canonical_id
        {%- else -%}
        cast(null as {{ dbt.type_string() }})
        {%- endif %} as previous_canonical_id,
        {{ cdp.cdp_batch_id() }} as batch_id

    from attributed

    {%- if cdp.cdp_is_incremental() %}

    left join {{ this }} as stored on attributed.tuple_key = stored.tuple_key

    where
        stored.tuple_key is null
        or attributed.canonical_id is distinct from stored.canonical_id
        or (attributed.canonical_id is not null and attributed.identifier_id is distinct from stored.identifier_id)
    {%- endif %}

)

select * from final
