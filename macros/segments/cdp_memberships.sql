{# The query of a table that remembers who is and was in each segment of an entity: one open row a member, a new one for who
   comes back. Why somebody entered and left is the first that holds of

     definition  the segment, or a trait or segment that it is made of, was defined otherwise before
     erasure     nothing is left that the member was known by (of leaving only)
     merge       two people turned out to be this one
     split       this person turned out to be two, or came out of another
     behaviour   something new is known of the member: events, records
     time        none of these: a window has moved on, a dwell is over #}
{% macro cdp_memberships(entity) %}
    {%- set key = {"person": "canonical_id", "account": "account_id"}[entity] -%}
    {%- set profiles = ref({"person": "cdp__user_profiles", "account": "cdp__account_profiles"}[entity]) -%}
    {#- Here and not where they are needed, since dbt looks for them in a first build, too. -#}
    {%- set history = ref("cdp__canonical_id_history") -%}
    {%- set id_changes = ref("int_cdp__id_changes") -%}
    {%- set states = ref("int_cdp__segment_states") -%}
    {%- set dwells = cdp.cdp_segments_with_dwell(entity) -%}
    {%- set last_batch = cdp.cdp_last_batch() -%}
    {#- A table of before there were causes gets their columns in this build. -#}
    {%- set has_causes = cdp.cdp_table_has("entered_by") -%}
    with

    profiles as (

        select
            {{ key }} as member_id,
            data_batch_id

        from {{ profiles }}

    ),

    -- What the segments are defined as now, and whether that is new.
    definitions as (

        {{
            cdp.cdp_first_rows(
                ref("cdp__definitions"),
                ["name"],
                ["defined_at desc"],
                ["name as segment_name", "version", "batch_id > " ~ last_batch ~ " as is_new"],
                where="kind = 'segment' and entity = '" ~ entity ~ "'"
            ) | indent(4)
        }}

    ),

    matches as (

        select
            member_id,
            segment_name

        from {{ ref("int_cdp__segment_matches") }}

        where entity = '{{ entity }}'

    ),

    {%- if dwells %}

    states as (

        select
            member_id,
            segment_name,
            is_met,
            case
                {%- for segment in dwells %}
                when segment_name = '{{ segment.name }}' and is_met
                    then {{ cdp.cdp_timestamp_add("since", segment.enter_after_minutes or 0, "minute") }}
                when segment_name = '{{ segment.name }}'
                    then {{ cdp.cdp_timestamp_add("since", segment.exit_after_minutes or 0, "minute") }}
                {%- endfor %}
            end as settled_at

        from {{ states }}

        where entity = '{{ entity }}'

    ),

    unsettled as (

        select * from states

        where settled_at > {{ cdp.cdp_as_of() }}

    ),
    {%- endif %}

    {%- if cdp.cdp_is_incremental() %}
    {%- if entity == "person" %}

    renamed as (

        select
            canonical_id,
            current_canonical_id

        from {{ history }}

        where canonical_id <> current_canonical_id

    ),
    {%- endif %}

    stored as (

        select
            stored.membership_id,
            stored.{{ key }} as stored_id,
            {% if entity == "person" -%}
            coalesce(renamed.current_canonical_id, stored.canonical_id) as member_id,
            {%- else -%}
            stored.account_id as member_id,
            {%- endif %}
            stored.segment_name,
            stored.entered_at,
            stored.exited_at,
            {%- for column in ["entered_by", "exited_by", "version"] %}
            {{ "stored." ~ column if has_causes else "cast(null as " ~ dbt.type_string() ~ ")" }} as {{ column }},
            {%- endfor %}
            stored.batch_id

        from {{ this }} as stored
        {% if entity == "person" %}
        left join renamed on stored.canonical_id = renamed.canonical_id
        {% endif %}
    ),

    {%- if entity == "person" %}

    -- Of two open memberships that a merge has brought together the earlier one stands.
    ranked as (

        select
            membership_id,
            row_number() over (partition by member_id, segment_name order by entered_at, membership_id) as entry_rank

        from stored

        where
            exited_at is null
            and member_id in (select renamed.current_canonical_id from renamed)

    ),

    superseded as (

        select membership_id

        from ranked

        where entry_rank > 1

    ),
    {%- endif %}

    open as (

        select
            stored.membership_id,
            stored.member_id,
            stored.segment_name

        from stored
        {% if entity == "person" %}
        left join superseded on stored.membership_id = superseded.membership_id
        {% endif %}
        where
            stored.exited_at is null
            {%- if entity == "person" %}
            and superseded.membership_id is null
            {%- endif %}

    ),

    -- Members who meet the condition no more, and who meet it and are no members.
    differing as (

        select
            open.membership_id,
            coalesce(open.member_id, matches.member_id) as member_id,
            coalesce(open.segment_name, matches.segment_name) as segment_name

        from open

        full outer join matches
            on
                open.member_id = matches.member_id
                and open.segment_name = matches.segment_name

        where
            open.member_id is null
            or matches.member_id is null

    ),
    {%- else %}

    differing as (

        select
            cast(null as {{ dbt.type_string() }}) as membership_id,
            member_id,
            segment_name

        from matches

    ),
    {%- endif %}

    -- Without those who have to wait for the end of a dwell. Who has no profile any more has nothing to wait for.
    moving as (

        select
            differing.membership_id,
            differing.member_id,
            differing.segment_name,
            profiles.data_batch_id,
            profiles.member_id is not null as has_profile

        from differing

        left join profiles on differing.member_id = profiles.member_id
        {% if dwells %}
        left join unsettled
            on
                differing.member_id = unsettled.member_id
                and differing.segment_name = unsettled.segment_name
                and unsettled.is_met = (differing.membership_id is null)

        where
            unsettled.member_id is null
            or profiles.member_id is null
        {% endif %}
    ),

    {%- if entity == "person" and cdp.cdp_is_incremental() %}

    id_changes as (

        select * from {{ id_changes }}

        where batch_id > {{ last_batch }}

    ),

    regrouped as (

        select
            canonical_id as member_id,
            change

        from id_changes

        union distinct

        select
            other_canonical_id as member_id,
            change

        from id_changes

        where change = 'split'

    ),

    changed_ids as (

        select
            member_id,
            min(change) as change

        from regrouped

        group by member_id

    ),
    {%- endif %}

    causes as (

        select
            moving.member_id,
            moving.segment_name,
            moving.membership_id,
            definitions.version,
            case
                when coalesce(definitions.is_new, true) then 'definition'
                when not moving.has_profile then 'erasure'
                {%- if entity == "person" and cdp.cdp_is_incremental() %}
                when changed_ids.change is not null then changed_ids.change
                {%- endif %}
                when moving.data_batch_id > {{ last_batch }} then 'behaviour'
                else 'time'
            end as cause

        from moving

        left join definitions on moving.segment_name = definitions.segment_name
        {% if entity == "person" and cdp.cdp_is_incremental() %}
        left join changed_ids on moving.member_id = changed_ids.member_id
        {% endif %}
    ),

    entered as (

        select
            {{ cdp.cdp_uuid() }} as membership_id,
            member_id,
            segment_name,
            {{ cdp.cdp_as_of() }} as entered_at,
            cast(null as {{ dbt.type_timestamp() }}) as exited_at,
            cause as entered_by,
            cast(null as {{ dbt.type_string() }}) as exited_by,
            version

        from causes

        where membership_id is null

    ),

    {%- if cdp.cdp_is_incremental() %}

    -- A build leaves its mark also when nobody has moved: the row written last is written again.
    marked as (

        select membership_id

        from stored

        where stored_id = member_id

        order by
            batch_id desc,
            membership_id asc

        limit 1

    ),

    continued as (

        select
            stored.membership_id,
            {% if entity == "person" -%}
            case when superseded.membership_id is null then stored.member_id end as member_id,
            {%- else -%}
            stored.member_id,
            {%- endif %}
            stored.segment_name,
            stored.entered_at,
            coalesce(stored.exited_at, case when causes.cause is not null then {{ cdp.cdp_as_of() }} end) as exited_at,
            stored.entered_by,
            coalesce(stored.exited_by, causes.cause) as exited_by,
            stored.version

        from stored

        left join causes on stored.membership_id = causes.membership_id
        {% if entity == "person" %}
        left join superseded on stored.membership_id = superseded.membership_id
        {% endif %}
        where
            stored.stored_id <> stored.member_id
            or causes.membership_id is not null
            {%- if entity == "person" %}
            or superseded.membership_id is not null
            {%- endif %}
            or stored.membership_id in (select marked.membership_id from marked)

    ),
    {%- endif %}

    changed as (

        select * from entered

        {%- if cdp.cdp_is_incremental() %}

        union all

        select * from continued
        {%- endif %}

    )

    select
        member_id as {{ key }},
        segment_name,
        entered_at,
        exited_at,
        entered_by,
        exited_by,
        version,
        membership_id,
        {{ cdp.cdp_batch_id() }} as batch_id

    from changed
{% endmacro %}
