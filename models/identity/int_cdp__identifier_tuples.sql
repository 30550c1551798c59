{{ config(enabled=cdp.cdp_is_on(), full_refresh=false) }}

{%- set columns = cdp.cdp_event_identifiers() %}
{%- set types = cdp.cdp_identifier_types() | map(attribute="name") | list %}

with

event_tuples as (

    select
        {%- for column in columns %}
        max({{ column }}) as {{ column }},
        {%- endfor %}
        tuple_key

    from {{ ref("cdp__raw_events") }}

    where batch_id > {{ cdp.cdp_last_batch() }}

    group by tuple_key

),

records as (

    select *, {{ cdp.cdp_record_tuple_key() }} as tuple_key

    from {{ ref("stg_cdp__records") }}

),

members as (
    {% for column in columns %}
    select tuple_key, '{{ column }}' as identifier_type, {{ column }} as raw_value

    from event_tuples

    where {{ column }} is not null

    union all
    {% endfor -%}
    {%- for type in types %}
    select tuple_key, '{{ type }}' as identifier_type, {{ type }} as raw_value

    from records

    where {{ type }} is not null

    union all
    {% endfor %}
    -- The record that this one was merged into is the same person's, of the same system.
    select
        tuple_key,
        identifier_type,
        merged_into as raw_value

    from records

    where merged_into is not null

),

{%- if cdp.cdp_is_incremental() %}

known as (

    select distinct tuple_key

    from {{ this }}

    where tuple_key in (select members.tuple_key from members)

),
{%- endif %}

final as (

    select
        members.tuple_key,
        members.identifier_type,
        members.raw_value,
        {{ cdp.cdp_batch_id() }} as batch_id

    from members

    {%- if cdp.cdp_is_incremental() %}

    left join known on members.tuple_key = known.tuple_key

    where known.tuple_key is null
    {%- endif %}

)

select * from final
