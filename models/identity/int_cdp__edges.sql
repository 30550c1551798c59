{{
    config(
        enabled=cdp.cdp_is_on(),
        full_refresh=false,
        unique_key=["node_a", "node_b"],
        incremental_strategy=cdp.cdp_incremental_strategy()
    )
}}

{%- set rules_hash = cdp.cdp_rules_hash() %}
{#- A full refresh works everything off again, and keeps the rows of what is gone: later models have yet to hear. -#}
{%- set is_partial = cdp.cdp_is_incremental() and not (flags.FULL_REFRESH or cdp.cdp_rules_changed(rules_hash)) %}
{%- set last_batch = cdp.cdp_last_batch() %}

with

members as {{ cdp.cdp_read_anew(is_all=true) }} (

    select
        tuple_key,
        identifier_type,
        raw_value,
        identifier_id,
        {{ cdp.cdp_type_setting("identifier_type", "priority") }} as priority,
        is_usable,
        batch_id

    from {{ ref("int_cdp__tuple_members") }}

    where identifier_id is not null

),

observations as {{ cdp.cdp_read_anew(is_all=true) }} (

    select * from {{ ref("int_cdp__identity_observations") }}

),

{%- if is_partial %}

touched_tuples as (

    select tuple_key

    from observations

    where batch_id > {{ last_batch }}

    union distinct

    -- A value that has been blocked or cleared gives or takes back all that its tuples show.
    select tuple_key

    from members

    where batch_id > {{ last_batch }}

),

touched_nodes as (

    select distinct identifier_id

    from members

    where tuple_key in (select tuple_key from touched_tuples)

),

-- Every tuple that a touched pair can be in holds two touched identifiers.
near_members as (

    select *

    from members

    where identifier_id in (select identifier_id from touched_nodes)

),

touched_pairs as (

    select distinct
        strong.identifier_id as node_a,
        weak.identifier_id as node_b

    from near_members as strong

    inner join near_members as weak on strong.tuple_key = weak.tuple_key

    where strong.tuple_key in (select tuple_key from touched_tuples)

),
{%- endif %}

-- An identifier forms a pair with itself too: that pair counts how often it was seen. Which side of equals is the
-- first must not depend on the keys, which tell who came first.
pairs as (

    select
        strong.tuple_key,
        strong.identifier_id as node_a,
        weak.identifier_id as node_b,
        strong.identifier_type as type_a,
        weak.identifier_type as type_b

    from {{ "near_members" if is_partial else "members" }} as strong

    inner join {{ "near_members" if is_partial else "members" }} as weak
        on
            strong.tuple_key = weak.tuple_key
            and (
                strong.priority < weak.priority
                or (
                    strong.priority = weak.priority
                    and strong.identifier_type < weak.identifier_type
                )
                or (
                    strong.identifier_type = weak.identifier_type
                    and (
                        strong.identifier_id = weak.identifier_id
                        or strong.raw_value < weak.raw_value
                    )
                )
            )

    {%- if is_partial %}

    inner join touched_pairs
        on
            strong.identifier_id = touched_pairs.node_a
            and weak.identifier_id = touched_pairs.node_b
    {%- endif %}

    where
        strong.is_usable
        and weak.is_usable

),

present as (

    select
        pairs.node_a,
        pairs.node_b,
        pairs.type_a,
        pairs.type_b,
        {{ cdp.cdp_summed_observations() | indent(8) }}

    from pairs

    inner join observations on pairs.tuple_key = observations.tuple_key

    where observations.event_count > 0

    group by
        pairs.node_a,
        pairs.node_b,
        pairs.type_a,
        pairs.type_b

),

{%- if cdp.cdp_is_incremental() %}

-- A pair that nothing shows any more stays as a row that is not live.
gone as (

    select
        stored.node_a,
        stored.node_b,
        stored.type_a,
        stored.type_b,
        0 as event_count,
        stored.first_seen,
        stored.last_seen,
        stored.source_count,
        stored.rule,
        stored.source,
        stored.evidence_id

    from {{ this }} as stored

    {%- if is_partial %}

    inner join touched_pairs
        on
            stored.node_a = touched_pairs.node_a
            and stored.node_b = touched_pairs.node_b
    {%- endif %}

    left join present
        on
            stored.node_a = present.node_a
            and stored.node_b = present.node_b

    where present.node_a is null

),
{%- endif %}

changed as (

    select present.*

    from present

    {%- if is_partial %}

    left join {{ this }} as stored
        on
            present.node_a = stored.node_a
            and present.node_b = stored.node_b

    where
        stored.node_a is null
        or present.event_count <> stored.event_count
        or present.source_count <> stored.source_count
        or present.evidence_id <> stored.evidence_id
        or present.first_seen is distinct from stored.first_seen
        or present.last_seen is distinct from stored.last_seen
    {%- endif %}

    {%- if cdp.cdp_is_incremental() %}

    union all

    select * from gone
    {%- endif %}

),

final as (

    select
        node_a,
        node_b,
        type_a,
        type_b,
        cast(event_count as {{ dbt.type_bigint() }}) as event_count,
        event_count > 0 as is_live,
        first_seen,
        last_seen,
        cast(source_count as {{ dbt.type_bigint() }}) as source_count,
        rule,
        source,
        evidence_id,
        '{{ rules_hash }}' as rules_hash,
        {{ cdp.cdp_batch_id() }} as batch_id

    from changed

)

select * from final
