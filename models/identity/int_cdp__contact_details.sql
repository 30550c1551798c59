{{
    config(
        enabled=cdp.cdp_is_on(),
        full_refresh=false,
        unique_key="details_key",
        incremental_strategy=cdp.cdp_incremental_strategy()
    )
}}

{%- set fields = {} %}
{%- for field in ["name", "first_name", "last_name", "job_title"] %}
{%- do fields.update({field: ["$." ~ field]}) %}
{%- endfor %}

{%- set groups = cdp.cdp_touched_groups(ref("stg_cdp__retention")) %}

with

{{ cdp.cdp_touched_events(groups) }},

identified as (

    select
        group_key,
        tuple_key,
        email,
        traits

    from events

    where
        email is not null
        and traits is not null

),

described as (

    {{ cdp.cdp_json_columns("identified", "traits", ["group_key", "tuple_key", "email"], fields) | indent(4) }}

),

cleaned as (

    {{ cdp.cdp_contact_details("described", ["group_key", "tuple_key"]) | indent(4) }}

),

present as (

    select distinct
        {{ cdp.cdp_hash_key(["group_key", "domain", "first_name", "last_name", "job_title"]) }} as details_key,
        group_key,
        tuple_key,
        domain,
        first_name,
        last_name,
        job_title,
        true as is_live

    from cleaned

),

{%- if cdp.cdp_is_incremental() %}

emptied as (

    select
        stored.details_key,
        stored.group_key,
        stored.tuple_key,
        stored.domain,
        stored.first_name,
        stored.last_name,
        stored.job_title,
        false as is_live

    from {{ this }} as stored

    left join present on stored.details_key = present.details_key

    where
        stored.group_key in (select touched.group_key from touched)
        and stored.is_live
        and present.details_key is null

),
{%- endif %}

changed as (

    select * from present

    {%- if cdp.cdp_is_incremental() %}

    union all

    select * from emptied
    {%- endif %}

),

final as (

    select
        details_key,
        group_key,
        tuple_key,
        domain,
        first_name,
        last_name,
        job_title,
        is_live,
        {{ cdp.cdp_batch_id() }} as batch_id

    from changed

)

select * from final
