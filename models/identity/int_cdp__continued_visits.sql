{{
    config(
        enabled=cdp.cdp_is_on() and cdp.cdp_match_rules().continued_visit.action != "ignore",
        unique_key="pair_key",
        incremental_strategy=cdp.cdp_incremental_strategy()
    )
}}

{%- set keys = ["pair_key", "tuple_a", "tuple_b", "browser_a", "browser_b", "visit_date"] %}
{%- set facts = ["matched_at", "seconds_apart", "browsers_in_place"] %}
{%- set is_found = "stored.visit_date in (select touched.visit_date from touched)" %}
{%- set text = dbt.type_string() %}
{%- set day = "cast(first_at as date)" %}
{%- set changed_visits = "(select browser_key, event_count, " ~ day ~ " as visit_date from " ~ ref("int_cdp__visits")
    ~ " where batch_id > " ~ cdp.cdp_last_batch() ~ ") as changed_visits" %}

{#- A pair is found on the day of whoever comes, among those who left on that day or the one before. A browser that
    has lost a visit to an earlier version of its events may have begun on another day. #}
{%- set touched_days = "select visit_date from " ~ changed_visits
    ~ " union distinct select " ~ cdp.cdp_add_days("visit_date", 1) ~ " from " ~ changed_visits
    ~ " union distinct select " ~ day ~ " from " ~ ref("int_cdp__visits")
    ~ " where browser_key in (select browser_key from " ~ changed_visits ~ " where event_count = 0)" %}
{%- set days_left = "select cast(visit_date as " ~ text ~ ") as day from (" ~ touched_days ~ ") as touched_days"
    ~ " union distinct select cast(" ~ cdp.cdp_add_days("visit_date", -1) ~ " as " ~ text ~ ") as day from ("
    ~ touched_days ~ ") as touched_days" %}

with

visits as {{ cdp.cdp_read_anew(is_all=true) }} (

    select * from {{ ref("int_cdp__visits") }}

    where event_count > 0

),

{%- if cdp.cdp_is_incremental() %}

touched as (

    {{ touched_days }}

),
{%- endif %}

page_visits as (

    select
        *,
        {{ day }} as visit_date

    from visits

    where
        place_key is not null
        and last_viewed_at is not null
    {%- if cdp.cdp_is_incremental() %}
        {{ cdp.cdp_within_days("first_at", days_left) }}
    {%- endif %}

),

entered as (

    select * from page_visits

    where
        landed_from_key is not null
    {%- if cdp.cdp_is_incremental() %}
        and visit_date in (select touched.visit_date from touched)
    {%- endif %}

),

browsers as (

    select
        browser_key,
        min(first_at) as began_at

    from visits

    where browser_key in (select entered.browser_key from entered)

    group by browser_key

),

-- Whoever was seen before does not come from anywhere.
heirs as (

    select entered.*

    from entered

    inner join browsers
        on
            entered.browser_key = browsers.browser_key
            and entered.first_viewed_at = browsers.began_at

),

-- Visits are cut at midnight: who leaves before it may go on after it.
left_pages as (

    select
        *,
        visit_date as entry_date

    from page_visits

    union all

    select
        *,
        {{ cdp.cdp_add_days("visit_date", 1) }} as entry_date

    from page_visits

),

followed as (

    select
        {{ cdp.cdp_hash_key(["origin.visit_key", "heir.visit_key"]) }} as pair_key,
        origin.tuple_key as tuple_a,
        heir.tuple_key as tuple_b,
        origin.browser_key as browser_a,
        heir.browser_key as browser_b,
        heir.place_key,
        heir.visit_date,
        heir.first_viewed_at as matched_at,
        {{ cdp.cdp_seconds_between("origin.last_viewed_at", "heir.first_viewed_at") }} as seconds_apart

    from heirs as heir

    inner join left_pages as origin
        on
            heir.place_key = origin.place_key
            and heir.landed_from_key = origin.left_page_key
            and heir.visit_date = origin.entry_date

    where
        heir.browser_key <> origin.browser_key
        and origin.last_viewed_at <= heir.first_viewed_at
        and heir.first_viewed_at <= {{ cdp.cdp_timestamp_add("origin.last_viewed_at", 30, "minute") }}

),

places as (

    select
        place_key,
        visit_date,
        count(distinct browser_key) as browsers_in_place

    from page_visits

    where place_key in (select followed.place_key from followed)

    group by place_key, visit_date

),

present as (

    select
        followed.*,
        places.browsers_in_place

    from followed

    inner join places
        on
            followed.place_key = places.place_key
            and followed.visit_date = places.visit_date

),

changed as (

    {{ cdp.cdp_changed_pairs(keys, facts, is_found) | indent(4) }}

),

final as (

    select
        pair_key,
        tuple_a,
        tuple_b,
        browser_a,
        browser_b,
        visit_date,
        matched_at,
        cast(seconds_apart as {{ dbt.type_bigint() }}) as seconds_apart,
        cast(browsers_in_place as {{ dbt.type_bigint() }}) as browsers_in_place,
        is_live,
        {{ cdp.cdp_batch_id() }} as batch_id

    from changed

)

select * from final
