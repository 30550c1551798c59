{{ config(enabled=cdp.cdp_is_on(), full_refresh=false) }}

{%- set text = dbt.type_string() %}
{%- set last_batch = cdp.cdp_last_batch() %}

with

registry as {{ cdp.cdp_read_anew(is_all=true) }} (

    select * from {{ ref("int_cdp__canonical_ids") }}

),

people as {{ cdp.cdp_read_anew(is_all=true) }} (

    select * from {{ ref("int_cdp__people") }}

),

links as (

    select * from {{ ref("int_cdp__links") }}

),

-- What the log says of every id so far.
logged as (

    {%- if cdp.cdp_is_incremental() %}

    -- Whoever leaves one person for another in one build is split off first.
    {{
        cdp.cdp_first_rows(
            this,
            ["other_canonical_id"],
            ["batch_id desc", "case change when 'merge' then 0 else 1 end"],
            ["other_canonical_id", "canonical_id", "change"]
        )
    }}
    {%- else %}

    {{ cdp.cdp_empty_rows({"other_canonical_id": "text", "canonical_id": "text", "change": "text"}) | indent(4) }}
    {%- endif %}

),

-- Where an id is by the log, and where it is. It may have stayed while its host has left.
compared as (

    select
        registry.canonical_id,
        registry.merged_into,
        registry.is_retired,
        registry.born_from,
        logged.other_canonical_id is null as is_new,
        case when logged.change = 'merge' then logged.canonical_id end as logged_into,
        case when not host.is_retired then coalesce(host.merged_into, host.canonical_id) end as present_host

    from registry

    left join logged on registry.canonical_id = logged.other_canonical_id

    left join registry as host
        on
            logged.change = 'merge'
            and logged.canonical_id = host.canonical_id

    where
        registry.batch_id > {{ last_batch }}
        or host.batch_id > {{ last_batch }}

),

-- An id that had been merged is split off when it is no longer where its host is.
split_ids as (

    select
        'split' as change,
        coalesce(logged_into, born_from) as canonical_id,
        canonical_id as other_canonical_id

    from compared

    where
        (is_new and born_from is not null)
        or (
            logged_into is not null
            and not is_retired
            and coalesce(merged_into, canonical_id) is distinct from present_host
        )

),

merged_ids as (

    select
        'merge' as change,
        merged_into as canonical_id,
        canonical_id as other_canonical_id

    from compared

    where
        merged_into is not null
        and not is_retired
        and (logged_into is null or merged_into is distinct from present_host)

),

changes as (

    select * from split_ids

    union all

    select * from merged_ids

),

-- The identifiers of the id that came or went: of one that is merged, those of its last own day.
members as (

    select
        parts.canonical_id as other_canonical_id,
        people.identifier_id,
        people.person_id

    from (
        {{
            cdp.cdp_split_rows(
                "(select * from registry where canonical_id in (select other_canonical_id from changes)) as changing",
                "heirs",
                ";",
                "heir",
                ["canonical_id"]
            ) | indent(8)
        }}
    ) as parts

    inner join people on parts.heir = cast(people.identifier_id as {{ text }})

),

-- Links between what came or went and anything else.
border as (
    {% for member, stranger in [("node_a", "node_b"), ("node_b", "node_a")] %}
    select
        links.*,
        members.other_canonical_id,
        case when links.is_live and members.person_id = strangers.person_id then 'merge' else 'split' end as change

    from members

    inner join links on members.identifier_id = links.{{ member }}

    left join people as strangers on links.{{ stranger }} = strangers.identifier_id

    left join members as own
        on
            links.{{ stranger }} = own.identifier_id
            and members.other_canonical_id = own.other_canonical_id

    where own.identifier_id is null
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

-- What changed last is the cause; of several such links the first in the order of edges.
causes as (

    {{
        cdp.cdp_first_rows(
            "border",
            ["other_canonical_id", "change"],
            ["-batch_id", "is_live", "tier", "-event_count", "first_seen", "node_a", "node_b"]
        )
    }}

),

final as (

    select
        changes.change,
        changes.canonical_id,
        changes.other_canonical_id,
        {{ cdp.cdp_as_of() }} as changed_at,
        causes.node_a,
        causes.node_b,
        causes.rule,
        causes.source,
        causes.evidence_id,
        {{ cdp.cdp_batch_id() }} as batch_id

    from changes

    left join causes
        on
            changes.other_canonical_id = causes.other_canonical_id
            and changes.change = causes.change

)

select * from final
