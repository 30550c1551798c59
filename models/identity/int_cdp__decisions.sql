{{
    config(
        enabled=cdp.cdp_is_on(),
        full_refresh=false,
        unique_key="subject_key",
        incremental_strategy=cdp.cdp_incremental_strategy()
    )
}}

{%- set text = dbt.type_string() %}

with

decided as (
    {% for relation in cdp.cdp_decision_lists() %}
    select
        coalesce(cast(decision_id as {{ text }}), '(a row without decision_id)') as decision_id,
        {{ cdp.cdp_trim("lower(cast(decision as " ~ text ~ "))") }} as decision,
        {%- for side in ["a", "b"] %}
        {{ cdp.cdp_trim("cast(identifier_type_" ~ side ~ " as " ~ text ~ ")") }} as identifier_type_{{ side }},
        {{ cdp.cdp_trim("cast(identifier_value_" ~ side ~ " as " ~ text ~ ")") }} as identifier_value_{{ side }},
        {%- endfor %}
        {{ cdp.cdp_try_timestamp("decided_at") }} as decided_at

    from {{ relation }}
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

written as (

    select
        *,
        {%- for side in ["a", "b"] %}
        {{
            dbt.concat([
                "coalesce(identifier_type_" ~ side ~ ", '')",
                "' '",
                "coalesce(identifier_value_" ~ side ~ ", '')",
            ])
        }} as written_{{ side }},
        {%- endfor %}
        case when decision = 'lift' then decided_at end as lifted_at

    from decided

),

-- A later lift takes back whatever was written on the same two values, also what could not be followed.
lifted as (

    select
        *,
        max(lifted_at) over (
            partition by least(written_a, written_b), greatest(written_a, written_b)
        ) as last_lifted_at

    from written

),

normalized as (

    select
        decision_id,
        decision,
        {%- for side in ["a", "b"] %}
        identifier_type_{{ side }},
        nullif(
            {{ cdp.cdp_normal_form("identifier_type_" ~ side, "identifier_value_" ~ side) }},
            ''
        ) as identifier_value_{{ side }},
        written_{{ side }} <> ' ' as has_side_{{ side }},
        {%- endfor %}
        decided_at

    from lifted

    where
        last_lifted_at is null
        or decided_at >= last_lifted_at

),

named as (

    select
        *,
        {%- for side in ["a", "b"] %}
        {{ dbt.concat(["identifier_type_" ~ side, "' '", "identifier_value_" ~ side]) }} as side_{{ side }},
        {%- endfor %}
        decision in ('link', 'never_link', 'shared', 'not_shared', 'lift') as is_decision

    from normalized

),

judged as (

    select
        *,
        case
            when decision = 'lift' then null
            when is_decision is not true then 'is none of link, never_link, shared, not_shared and lift'
            when side_a is null then 'names no first identifier of a type in cdp_identifiers'
            when has_side_b and side_b is null then 'names no second identifier of a type in cdp_identifiers'
            when decision in ('link', 'never_link') and not has_side_b then 'names one identifier only'
            when decision in ('shared', 'not_shared') and has_side_b
                then 'names two identifiers where one is shared or not'
            when decision = 'never_link' and side_a = side_b then 'names one identifier twice'
        end as problem

    from named

),

-- Whichever side was named first, the subject is the same.
sorted as (

    select
        decision_id,
        decision,
        case when side_b < side_a then identifier_type_b else identifier_type_a end as identifier_type_a,
        case when side_b < side_a then identifier_value_b else identifier_value_a end as identifier_value_a,
        case when side_b < side_a then identifier_type_a else identifier_type_b end as identifier_type_b,
        case when side_b < side_a then identifier_value_a else identifier_value_b end as identifier_value_b,
        decided_at,
        {{ cdp.cdp_hash_key(["coalesce(least(side_a, side_b), side_a)", "greatest(side_a, side_b)"]) }} as subject_key

    from judged

    -- Two spellings of one identifier are linked as it is, and a lift of what nobody knows lifts nothing.
    where
        problem is null
        and side_a is not null
        and (side_b is not null or not has_side_b)
        and side_a is distinct from side_b

),

-- What was decided last on a subject counts; a decision without a time comes before those with one.
ranked as (

    select
        *,
        rank() over (
            partition by subject_key
            order by coalesce(decided_at, cast('1970-01-01' as {{ dbt.type_timestamp() }})) desc
        ) as age

    from sorted

),

valid as (

    select
        subject_key,
        min(decision) as decision,
        min(identifier_type_a) as identifier_type_a,
        min(identifier_value_a) as identifier_value_a,
        min(identifier_type_b) as identifier_type_b,
        min(identifier_value_b) as identifier_value_b,
        min(decision_id) as decision_id,
        case
            when min(decision) <> max(decision)
                then {{ dbt.concat(["'decides otherwise than '", "max(decision_id)", "' at the same time'"]) }}
        end as problem

    from ranked

    where age = 1

    group by subject_key

),

in_force as (

    select * from valid

    where
        decision <> 'lift'
        or problem is not null

),

invalid as (

    select
        {{ cdp.cdp_hash_key(["'invalid'", "decision_id"]) }} as subject_key,
        min(decision) as decision,
        cast(null as {{ text }}) as identifier_type_a,
        cast(null as {{ text }}) as identifier_value_a,
        cast(null as {{ text }}) as identifier_type_b,
        cast(null as {{ text }}) as identifier_value_b,
        decision_id,
        min(problem) as problem

    from judged

    where problem is not null

    group by decision_id

),

present as (

    select
        *,
        problem is null as is_live

    from in_force

    union all

    select
        *,
        false as is_live

    from invalid

),

changed as (

    {%- if cdp.cdp_is_incremental() %}

    select present.*

    from present

    left join {{ this }} as stored on present.subject_key = stored.subject_key

    where
        stored.subject_key is null
        or present.decision is distinct from stored.decision
        or present.decision_id <> stored.decision_id
        or present.problem is distinct from stored.problem
        or present.is_live <> stored.is_live

    union all

    -- A decision that is lifted or taken out of its list stays as a row that is not live.
    select
        subject_key,
        decision,
        identifier_type_a,
        identifier_value_a,
        identifier_type_b,
        identifier_value_b,
        decision_id,
        cast(null as {{ text }}) as problem,
        false as is_live

    from {{ this }}

    where
        subject_key not in (select present.subject_key from present)
        and (is_live or problem is not null)
    {%- else %}

    select * from present
    {%- endif %}

),

final as (

    select
        subject_key,
        decision,
        identifier_type_a,
        identifier_value_a,
        identifier_type_b,
        identifier_value_b,
        decision_id,
        problem,
        is_live,
        {{ cdp.cdp_batch_id() }} as batch_id

    from changed

)

select * from final
