{# A query of what a sync has to send, so that its destination holds what its rows say. `sync` is as in cdp_sync_rows, and has

     name, destination, object
     removes      whether a record goes when its row is gone
     updates_by_id  whether the destination finds a record by the id that it gave it, so that the key itself may change
     replaces     whether the destination takes all that it is to hold at once: rows that have not changed are given too

   Columns: action (add, change, keep, remove, merge, or doubled: not to be sent, since it is not alone with its id or key),
   delivery_id, record_id, row_id, key_value, remote_id, into_remote_id (of the record that a merge leaves), row_hash, sent (what was
   sent last), tried (what was tried since, and may be there), attempts (how often it was rejected), is_refused (for good), and field_0, field_1, ...

   A row meets the record with its key; where the destination finds records by their id also the one that it had before. So a record
   changes hands when its key does, and is not deleted and made anew. #}
{% macro cdp_sync_difference(sync) %}
    {%- set text = dbt.type_string() -%}
    {%- set is_of_people = sync.id == "canonical_id" -%}
    with

    source_rows as (

        {{ cdp.cdp_sync_rows(sync) | indent(8) }}

    ),

    sendable as (

        select * from source_rows

        where
            is_allowed
            and key_value is not null
            and not is_doubled

    ),

    deliveries as (

        {{ cdp.cdp_sync_deliveries(sync) | indent(8) }}

    ),

    present as (

        select * from deliveries

        where is_present

    ),

    met_by_key as (

        select
            sendable.row_id,
            present.record_id,
            row_number() over (
                partition by sendable.row_id
                order by
                    case when present.row_id = sendable.row_id then 0 else 1 end,
                    present.acknowledged_at desc,
                    present.record_id
            ) as place

        from sendable

        inner join present on sendable.match_key = present.match_key

    ),

    by_key as (

        select
            row_id,
            record_id

        from met_by_key

        where place = 1

    ),
    {%- if sync.updates_by_id %}

    met_by_row as (

        select
            sendable.row_id,
            present.record_id,
            row_number() over (
                partition by sendable.row_id
                order by present.acknowledged_at desc, present.record_id
            ) as place

        from sendable

        inner join present on sendable.row_id = present.row_id

        left join by_key as taken_rows on sendable.row_id = taken_rows.row_id

        left join by_key as taken_records on present.record_id = taken_records.record_id

        where
            present.remote_id is not null
            and taken_rows.row_id is null
            and taken_records.record_id is null

    ),
    {%- endif %}

    matches as (

        select * from by_key
        {%- if sync.updates_by_id %}

        union all

        select
            row_id,
            record_id

        from met_by_row

        where place = 1
        {%- endif %}

    ),

    identified as (

        select
            sendable.*,
            matches.record_id as matched_record_id,
            coalesce(matches.record_id, {{ cdp.cdp_hash_key([
                cdp.cdp_text_literal(sync.name),
                cdp.cdp_text_literal(sync.destination),
                cdp.cdp_text_literal(sync.object),
                "sendable.row_id",
                "sendable.key_value",
            ]) }}) as record_id

        from sendable

        left join matches on sendable.row_id = matches.row_id

    ),

    -- A record that was removed once is known too, and is added again. Of one with an open try nobody knows what is there.
    sends as (

        select
            case
                when identified.matched_record_id is null or not deliveries.is_acknowledged then 'add'
                when
                    deliveries.row_hash = identified.row_hash
                    and deliveries.key_value = identified.key_value
                    and not deliveries.is_open
                    then 'keep'
                else 'change'
            end as action,
            identified.record_id,
            identified.row_id,
            identified.key_value,
            deliveries.remote_id,
            cast(null as {{ text }}) as into_remote_id,
            identified.row_hash,
            deliveries.sent,
            deliveries.tried,
            {%- for field in sync.fields %}
            identified.field_{{ loop.index0 }},
            {%- endfor %}
            deliveries.is_open,
            deliveries.last_action,
            deliveries.last_hash,
            deliveries.last_delivery_id

        from identified

        left join deliveries on identified.record_id = deliveries.record_id

    ),

    -- What a row with this id or key is not told of is left as it is.
    doubled_keys as (

        select distinct match_key

        from source_rows

        where is_doubled

    ),

    row_states as (

        select
            row_id,
            max(case when is_doubled then 1 else 0 end) as is_doubled,
            max(case when is_allowed then 1 else 0 end) as is_allowed,
            max(case when key_value is not null then 1 else 0 end) as has_key

        from source_rows

        group by row_id

    ),

    survivors as (

        select
            matches.row_id,
            present.remote_id,
            present.is_merged

        from matches

        inner join present on matches.record_id = present.record_id

    ),

    {%- if is_of_people %}

    suppressed as (

        {{ cdp.cdp_suppressed_people() | indent(8) }}

    ),
    {%- if sync.consent %}

    consenting as (

        {{ cdp.cdp_consenting_people(sync.consent) | indent(8) }}

    ),
    {%- endif %}
    {%- endif %}

    -- Of people who have become one, whose records were two, one record is surplus. Whose rows are gone may have withdrawn their
    -- consent since.
    left_over as (

        select
            present.*,
            coalesce(row_states.is_allowed, 1) = 1
            {%- if is_of_people %}
            and suppressed.canonical_id is null
            {%- if sync.consent %}
            and consenting.canonical_id is not null
            {%- endif %}
            {%- endif %} as is_allowed,
            (present.is_merged or coalesce(survivors.is_merged, false))
            and coalesce(row_states.is_allowed, 0) = 1
            and coalesce(row_states.has_key, 0) = 1 as is_surplus,
            survivors.remote_id as into_remote_id

        from present

        left join matches on present.record_id = matches.record_id

        left join row_states on present.row_id = row_states.row_id

        left join survivors on present.row_id = survivors.row_id

        left join doubled_keys on present.match_key = doubled_keys.match_key
        {%- if is_of_people %}

        left join suppressed on present.row_id = suppressed.canonical_id
        {%- if sync.consent %}

        left join consenting on present.row_id = consenting.canonical_id
        {%- endif %}
        {%- endif %}

        where
            matches.record_id is null
            and coalesce(row_states.is_doubled, 0) = 0
            and doubled_keys.match_key is null

    ),

    -- What is not sent has no values; this gives their columns types.
    no_rows as (

        select * from sendable

        where 1 = 0

    ),

    removals as (

        select
            case when left_over.is_surplus then 'merge' else 'remove' end as action,
            left_over.record_id,
            left_over.row_id,
            left_over.key_value,
            left_over.remote_id,
            left_over.into_remote_id,
            cast(null as {{ text }}) as row_hash,
            left_over.sent,
            left_over.tried,
            {%- for field in sync.fields %}
            no_rows.field_{{ loop.index0 }},
            {%- endfor %}
            left_over.is_open,
            left_over.last_action,
            left_over.last_hash,
            left_over.last_delivery_id

        from left_over

        left join no_rows on left_over.row_id = no_rows.row_id
        {%- if not sync.removes %}

        where
            left_over.is_surplus
            or not left_over.is_allowed
        {%- endif %}

    ),

    doubled_rows as (

        select distinct
            row_id,
            key_value

        from source_rows

        where is_doubled

    ),

    doubled as (

        select
            'doubled' as action,
            {{ cdp.cdp_hash_key([cdp.cdp_text_literal(sync.name), "doubled_rows.row_id", "doubled_rows.key_value"]) }} as record_id,
            doubled_rows.row_id,
            doubled_rows.key_value,
            cast(null as {{ text }}) as remote_id,
            cast(null as {{ text }}) as into_remote_id,
            cast(null as {{ text }}) as row_hash,
            cast(null as {{ text }}) as sent,
            cast(null as {{ text }}) as tried,
            {%- for field in sync.fields %}
            no_rows.field_{{ loop.index0 }},
            {%- endfor %}
            false as is_open,
            cast(null as {{ text }}) as last_action,
            cast(null as {{ text }}) as last_hash,
            cast(null as {{ text }}) as last_delivery_id

        from doubled_rows

        left join no_rows on doubled_rows.row_id = no_rows.row_id

    ),

    differing as (

        select * from sends
        {%- if not sync.replaces %}

        where action <> 'keep'
        {%- endif %}

        union all

        select * from removals

        union all

        select * from doubled

    ),

    -- What is tried once more has the id that it had. What was tried, or acknowledged, before it was sent for the first time makes
    -- it another delivery: who keeps ids would else take a value that comes back for one that is there.
    deliveries_to_be as (

        select
            case
                when
                    is_open
                    and last_action = action
                    and coalesce(last_hash, '') = coalesce(row_hash, '')
                    then last_delivery_id
                else {{ cdp.cdp_hash_key(["action", "record_id", "row_hash", "last_delivery_id"]) }}
            end as delivery_id,
            differing.*

        from differing

    ),

    rejects as (

        select
            delivery_id,
            count(*) as attempts,
            max(case when is_retryable then 0 else 1 end) = 1 as is_refused

        from {{ ref("cdp__sync_rejects") }}

        where {{ cdp.cdp_is_of_sync(sync) }}

        group by delivery_id

    )

    select
        deliveries_to_be.action,
        deliveries_to_be.delivery_id,
        deliveries_to_be.record_id,
        deliveries_to_be.row_id,
        deliveries_to_be.key_value,
        deliveries_to_be.remote_id,
        deliveries_to_be.into_remote_id,
        deliveries_to_be.row_hash,
        deliveries_to_be.sent,
        deliveries_to_be.tried,
        coalesce(rejects.attempts, 0) as attempts,
        coalesce(rejects.is_refused, false) as is_refused
        {%- for field in sync.fields %},
        deliveries_to_be.field_{{ loop.index0 }}
        {%- endfor %}

    from deliveries_to_be

    left join rejects on deliveries_to_be.delivery_id = rejects.delivery_id
{% endmacro %}
