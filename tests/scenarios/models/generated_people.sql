-- What is expected of the generated events and records, as in the seed expected_people.
{%- set text = dbt.type_string() %}
{%- set part = "cast(cast(floor((n - 1) / 10.0) as " ~ dbt.type_int() ~ ") as " ~ text ~ ")" %}

with

events as (

    select
        *,
        cast(substr(anonymous_id, length(anonymous_id) - 2) as {{ dbt.type_int() }}) as n

    from {{ ref("generated_events") }}

),

named as (

    select
        scenario,
        user_id,
        device_id,
        anonymous_id,
        case
            when scenario = 'junk_null' then {{ dbt.concat(["'visitor '", "cast(n as " ~ text ~ ")"]) }}
            when scenario = 'chain_across_the_limit' then {{ dbt.concat(["'part '", part]) }}
            when n > 100 then 'last'
            else 'ann'
        end as person

    from events

    where event_id not like 'chain-across-the-limit-next-%'

),

people as (

    select
        scenario,
        'anonymous_id' as identifier_type,
        anonymous_id as identifier_value,
        person

    from named

    union all

    select
        scenario,
        'device_id' as identifier_type,
        device_id as identifier_value,
        person

    from named

    where device_id is not null

    union all

    select distinct
        scenario,
        'user_id' as identifier_type,
        user_id as identifier_value,
        case when user_id = 'null' then 'blocked' else 'ann' end as person

    from named

    where user_id is not null

    {%- for type in ["chain_link", "left_end", "right_end"] %}

    union all

    select distinct
        'chain' as scenario,
        '{{ type }}' as identifier_type,
        {{ type }} as identifier_value,
        'chain' as person

    from {{ ref("generated_links") }}
    {%- endfor %}

)

select
    scenario,
    1 as load,
    identifier_type,
    identifier_value,
    person

from people
