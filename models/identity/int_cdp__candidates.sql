{{
    config(
        enabled=cdp.cdp_is_on(),
        full_refresh=false,
        unique_key="candidate_id",
        incremental_strategy=cdp.cdp_incremental_strategy()
    )
}}

{%- set rules = [] %}
{%- set above_threshold = [] %}
{%- set merged = [] %}
{%- for name, rule in cdp.cdp_match_rules().items() if rule.action != "ignore" %}
{%- set condition = "(rule = '" ~ name ~ "' and score >= " ~ rule.threshold ~ ")" %}
{%- do rules.append(name) %}
{%- do above_threshold.append(condition) %}
{%- do merged.append(condition) if rule.action == "merge" %}
{%- endfor %}

with

{%- if "same_device" in rules %}

same_device as (

    {{ cdp.cdp_match_same_device() | indent(4) }}

),
{%- endif %}

{%- if "same_name_and_title" in rules %}

same_name_and_title as (

    {{ cdp.cdp_match_same_name_and_title() | indent(4) }}

),
{%- endif %}

{%- if "continued_visit" in rules %}

continued_visit as (

    {{ cdp.cdp_match_continued_visit() | indent(4) }}

),
{%- endif %}

found as (
    {% for rule in rules %}
    select
        '{{ rule }}' as rule,
        tuple_a,
        tuple_b,
        cast(round(score, 2) as {{ cdp.cdp_type_score() }}) as score,
        evidence,
        matched_at

    from {{ rule }}

    where score >= {{ cdp.cdp_least_score() }}

    {{ "union all" if not loop.last }}
    {% else -%}
    {{
        cdp.cdp_empty_rows({
            "rule": "text",
            "tuple_a": "text",
            "tuple_b": "text",
            "score": "number",
            "evidence": "text",
            "matched_at": "timestamp",
        }) | indent(4)
    }}
    {%- endfor %}

),

tuples as (

    select tuple_a as tuple_key from found

    union distinct

    select tuple_b as tuple_key from found

),

owners as (

    {{ cdp.cdp_tuple_owners("tuples") | indent(4) }}

),

people as (

    select * from {{ ref("int_cdp__deterministic_people") }}

    where
        not is_shared
        and person_id in (select owners.person_id from owners)

),

keys as (

    select
        identifier_id,
        identifier_type,
        identifier_value,
        {{ cdp.cdp_type_setting("identifier_type", "priority") }} as priority

    from {{ ref("int_cdp__identifier_keys") }}

    where identifier_id in (select owners.identifier_id from owners)

),

candidates as (

    select
        found.*,
        owner_a.identifier_id as one_id,
        owner_b.identifier_id as other_id,
        least(owner_a.person_id, owner_b.person_id) as person_id_a,
        greatest(owner_a.person_id, owner_b.person_id) as person_id_b

    from found

    inner join owners as owner_a on found.tuple_a = owner_a.tuple_key

    inner join owners as owner_b on found.tuple_b = owner_b.tuple_key

    where owner_a.person_id <> owner_b.person_id

),

-- What the limits forbid is no candidate.
forbidden as (

    {{ cdp.cdp_exceeded_limits("candidates", "people", "person_id") | indent(4) }}

),

-- The stronger identifier is the first. Of equals the keys tell who came first: they must not decide.
sided as (

    select
        candidates.rule,
        candidates.score,
        candidates.evidence,
        candidates.matched_at,
        candidates.person_id_a,
        candidates.person_id_b,
        one.priority < other.priority
        or (
            one.priority = other.priority
            and (
                one.identifier_type < other.identifier_type
                or (
                    one.identifier_type = other.identifier_type
                    and one.identifier_value < other.identifier_value
                )
            )
        ) as is_in_order,
        one.identifier_id as one_id,
        one.identifier_type as one_type,
        one.identifier_value as one_value,
        other.identifier_id as other_id,
        other.identifier_type as other_type,
        other.identifier_value as other_value

    from candidates

    inner join keys as one on candidates.one_id = one.identifier_id

    inner join keys as other on candidates.other_id = other.identifier_id

    left join forbidden
        on
            candidates.person_id_a = forbidden.person_id_a
            and candidates.person_id_b = forbidden.person_id_b

    where forbidden.person_id_a is null

),

ordered as (

    select
        rule,
        score,
        evidence,
        matched_at,
        person_id_a,
        person_id_b,
        case when is_in_order then one_id else other_id end as node_a,
        case when is_in_order then one_type else other_type end as type_a,
        case when is_in_order then one_value else other_value end as value_a,
        case when is_in_order then other_id else one_id end as node_b,
        case when is_in_order then other_type else one_type end as type_b,
        case when is_in_order then other_value else one_value end as value_b

    from sided

),

-- One row a rule and pair of people: its best evidence.
best as (

    {{
        cdp.cdp_first_rows(
            "ordered",
            ["rule", "person_id_a", "person_id_b"],
            ["score desc", "matched_at", "type_a", "value_a", "type_b", "value_b", "evidence"]
        )
    }}

),

present as (

    select
        {{ cdp.cdp_hash_key(["rule", "type_a", "value_a", "type_b", "value_b"]) }} as candidate_id,
        rule,
        node_a,
        node_b,
        score,
        {{ above_threshold | join(" or ") or "false" }} as is_above_threshold,
        {{ merged | join(" or ") or "false" }} as is_merge,
        evidence,
        matched_at,
        true as is_live

    from best

),

{%- if cdp.cdp_is_incremental() %}

-- A pair that is no candidate any more, also because it is one person now, stays as a row that is not live.
gone as (

    select
        stored.candidate_id,
        stored.rule,
        stored.node_a,
        stored.node_b,
        stored.score,
        stored.is_above_threshold,
        stored.is_merge,
        stored.evidence,
        stored.matched_at,
        false as is_live,
        stored.has_been_merge,
        stored.found_at

    from {{ this }} as stored

    left join present on stored.candidate_id = present.candidate_id

    where
        stored.is_live
        and present.candidate_id is null

),
{%- endif %}

changed as (

    select
        present.*,
        {% if cdp.cdp_is_incremental() -%}
        present.is_merge or coalesce(stored.has_been_merge, false) as has_been_merge,
        coalesce(stored.found_at, {{ cdp.cdp_as_of() }}) as found_at
        {%- else -%}
        present.is_merge as has_been_merge,
        {{ cdp.cdp_as_of() }} as found_at
        {%- endif %}

    from present

    {%- if cdp.cdp_is_incremental() %}

    left join {{ this }} as stored on present.candidate_id = stored.candidate_id

    where
        stored.candidate_id is null
        or present.score <> stored.score
        or present.is_above_threshold <> stored.is_above_threshold
        or present.is_merge <> stored.is_merge
        or present.evidence <> stored.evidence
        or present.matched_at is distinct from stored.matched_at
        or not stored.is_live

    union all

    select * from gone
    {%- endif %}

),

final as (

    select
        candidate_id,
        rule,
        node_a,
        node_b,
        score,
        is_above_threshold,
        is_merge,
        evidence,
        matched_at,
        is_live,
        has_been_merge,
        cast(found_at as {{ dbt.type_timestamp() }}) as found_at,
        {{ cdp.cdp_batch_id() }} as batch_id

    from changed

)

select * from final
