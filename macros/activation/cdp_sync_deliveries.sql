{# A query of the records that a sync's destination holds or may hold, and of those that it has held: one row each, with what was
   acknowledged last, and where nothing was what was tried.

   is_present: it is there, or may be. is_acknowledged: it is there. is_open: something was tried since of which nothing is known,
   namely last_action with last_hash, and with the values in
   tried where others were acknowledged before. last_delivery_id: what was acknowledged or tried last. is_merged: it was made of somebody
   who has become another person, whose record it is now. #}
{% macro cdp_sync_deliveries(sync) %}
    {%- set history = ref("cdp__canonical_id_history") -%}
    {%- set is_of_people = sync.id == "canonical_id" -%}
    with

    acknowledged_entries as (

        select
            *,
            row_number() over (
                partition by record_id
                order by acknowledged_at desc, delivery_id desc
            ) as age

        from {{ ref("cdp__deliveries") }}

        where {{ cdp.cdp_is_of_sync(sync) }}

    ),

    acknowledged as (

        select * from acknowledged_entries

        where age = 1

    ),

    attempted_entries as (

        select
            *,
            row_number() over (
                partition by record_id
                order by attempted_at desc, attempt_id desc
            ) as age

        from {{ ref("cdp__sync_attempts") }}

        where {{ cdp.cdp_is_of_sync(sync) }}

    ),

    attempted as (

        select * from attempted_entries

        where age = 1

    ),

    joined as (

        select
            coalesce(acknowledged.record_id, attempted.record_id) as record_id,
            coalesce(attempted.row_id, acknowledged.row_id) as made_of,
            coalesce(acknowledged.key_value, attempted.key_value) as key_value,
            coalesce(acknowledged.remote_id, attempted.remote_id) as remote_id,
            acknowledged.row_hash,
            coalesce(acknowledged.sent, attempted.sent) as sent,
            case when acknowledged.record_id is not null then attempted.sent end as tried,
            coalesce(acknowledged.acknowledged_at, attempted.attempted_at) as acknowledged_at,
            coalesce(acknowledged.state = 'present', false) as is_acknowledged,
            attempted.record_id is not null as is_open,
            attempted.action as last_action,
            attempted.row_hash as last_hash,
            coalesce(attempted.delivery_id, acknowledged.delivery_id) as last_delivery_id

        from acknowledged

        full outer join attempted on acknowledged.record_id = attempted.record_id

    )

    select
        joined.record_id,
        joined.key_value,
        {{ "lower(joined.key_value)" if sync.ignores_case else "joined.key_value" }} as match_key,
        joined.remote_id,
        joined.row_hash,
        joined.sent,
        joined.tried,
        joined.acknowledged_at,
        joined.is_acknowledged,
        joined.is_acknowledged or joined.is_open as is_present,
        joined.is_open,
        joined.last_action,
        joined.last_hash,
        joined.last_delivery_id,
        {%- if is_of_people %}
        coalesce(history.current_canonical_id, joined.made_of) as row_id,
        coalesce(history.current_canonical_id <> joined.made_of, false) as is_merged
        {%- else %}
        joined.made_of as row_id,
        false as is_merged
        {%- endif %}

    from joined
    {%- if is_of_people %}

    left join {{ history }} as history on joined.made_of = history.canonical_id
    {%- endif %}
{% endmacro %}


{# The condition that an entry of a ledger is of this sync to this destination: what another one holds says nothing. #}
{% macro cdp_is_of_sync(sync) %}
    {%- set terms = [] -%}
    {%- for column, value in {"sync_name": sync.name, "destination": sync.destination, "object": sync.object}.items() -%}
        {%- do terms.append(column ~ " = " ~ cdp.cdp_text_literal(value)) -%}
    {%- endfor -%}
    {{- return(terms | join(" and ")) -}}
{% endmacro %}
