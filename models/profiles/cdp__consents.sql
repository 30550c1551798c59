{{ config(enabled=cdp.cdp_is_on(), materialized="table", alias="consents") }}

{#- A model of the user's does not say what has changed in it, so that all is looked up again in every build. #}
{%- set text = dbt.type_string() %}
{%- set by_event = cdp.cdp_consent_by("event") %}
{%- set by_model = cdp.cdp_consent_by("model") %}
{%- set by_profile = cdp.cdp_consent_by("profile") %}
{%- do cdp.cdp_check_consent_columns(by_profile, by_model) %}

with

-- By name, so that an engine which keeps measures together leaves the others unread.
activity as (

    select * from {{ ref("int_cdp__daily_activity") }}

    where measure in (
        {%- for statement in by_event %}
        '{{ cdp.cdp_consent_measure(statement).id }}',
        {%- endfor %}
        ''
    )

),

tuple_people as (

    select * from {{ ref("int_cdp__tuple_people") }}

),

graph as (

    select * from {{ ref("cdp__identity_graph") }}

),

ids as (

    select * from {{ ref("cdp__canonical_id_history") }}

),

profiles as (

    select * from {{ ref("cdp__user_profiles") }}

),

measures as (
    {% for statement in by_event %}
    select
        '{{ cdp.cdp_consent_measure(statement).id }}' as measure,
        '{{ statement.purpose }}' as purpose,
        {{ cdp.cdp_text_literal("event " ~ statement.name) }} as source

    union all
    {% endfor %}
    select
        cast(null as {{ text }}) as measure,
        cast(null as {{ text }}) as purpose,
        cast(null as {{ text }}) as source

),

-- Kept by the event's own identifiers and mapped to people here, so that a merge or a split takes its consents along.
said_by_events as (

    select
        tuple_people.canonical_id,
        measures.purpose,
        activity.value_key = 'true' as is_granted,
        activity.last_at as said_at,
        measures.source

    from activity

    inner join measures on activity.measure = measures.measure

    inner join tuple_people on activity.tuple_key = tuple_people.tuple_key

    where activity.event_count > 0

),

-- What a row of a model may name somebody by. A blocked identifier is not among it, a shared one is nobody's.
names as (

    select
        canonical_id,
        identifier_type,
        identifier_value

    from graph

    union all

    select
        current_canonical_id as canonical_id,
        'canonical_id' as identifier_type,
        canonical_id as identifier_value

    from ids

),

{%- for statement in by_model %}

{{ cdp.cdp_consent_rows(statement, loop.index) }}
{%- endfor %}

said as (

    select * from said_by_events
    {%- for statement in by_model %}

    union all

    select * from said_by_model_{{ loop.index }}
    {%- endfor %}
    {%- for statement in by_profile %}

    union all

    select
        canonical_id,
        '{{ statement.purpose }}' as purpose,
        {{ cdp.cdp_is_granted(cdp.cdp_consent_sql(statement)) }} as is_granted,
        cast(null as {{ dbt.type_timestamp() }}) as said_at,
        'profile' as source

    from profiles
    {%- endfor %}

),

-- Of a yes and a no of the same time the no counts.
final as (

    {{
        cdp.cdp_first_rows(
            "said",
            ["canonical_id", "purpose"],
            ["said_at desc nulls last", "is_granted asc", "source asc"],
            where="canonical_id is not null and is_granted is not null"
        )
    }}

)

select * from final
