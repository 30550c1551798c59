{{
    config(
        enabled=cdp.cdp_is_on() and cdp.cdp_match_rules().same_device.action != "ignore",
        unique_key="pair_key",
        incremental_strategy=cdp.cdp_incremental_strategy()
    )
}}

{%- set last_batch = cdp.cdp_last_batch() %}
{%- set keys = ["pair_key", "ip_key", "fingerprint_key", "tuple_a", "tuple_b"] %}
{%- set pair = ["earlier.ip_key", "earlier.fingerprint_key", "earlier.tuple_key", "later.tuple_key"] %}
{%- set facts = [
    "browsers_on_ip", "browsers_with_fingerprint", "browsers_with_both", "is_side_by_side", "seconds_apart", "matched_at"
] %}
{%- set is_found = "stored.ip_key in (select changed_visits.ip_key from changed_visits)"
    ~ " or stored.fingerprint_key in (select changed_visits.fingerprint_key from changed_visits)" %}

with

visits as {{ cdp.cdp_read_anew(is_all=true) }} (

    select * from {{ ref("int_cdp__visits") }}

    where
        ip_key is not null
        and fingerprint_key is not null

),

live_visits as {{ cdp.cdp_read_anew(is_all=true) }} (

    select * from visits

    where event_count > 0

),

{%- if cdp.cdp_is_incremental() %}

changed_visits as (

    select
        ip_key,
        fingerprint_key

    from visits

    where batch_id > {{ last_batch }}

),
{%- endif %}

-- Only what two browsers have in common is counted any further; in later builds, where the counts may be others now.
shared as (

    select
        ip_key,
        fingerprint_key

    from live_visits

    {%- if cdp.cdp_is_incremental() %}

    where
        ip_key in (select changed_visits.ip_key from changed_visits)
        or fingerprint_key in (select changed_visits.fingerprint_key from changed_visits)
    {%- endif %}

    group by ip_key, fingerprint_key

    having min(browser_key) <> max(browser_key)

),

browsers_by_ip as (

    select
        ip_key,
        count(distinct browser_key) as browsers_on_ip

    from live_visits

    where ip_key in (select shared.ip_key from shared)

    group by ip_key

),

browsers_by_fingerprint as (

    select
        fingerprint_key,
        count(distinct browser_key) as browsers_with_fingerprint

    from live_visits

    where fingerprint_key in (select shared.fingerprint_key from shared)

    group by fingerprint_key

),

counted as (

    select
        shared.ip_key,
        shared.fingerprint_key,
        ip.browsers_on_ip,
        fingerprint.browsers_with_fingerprint

    from shared

    inner join browsers_by_ip as ip on shared.ip_key = ip.ip_key

    inner join browsers_by_fingerprint as fingerprint on shared.fingerprint_key = fingerprint.fingerprint_key

),

-- What is too common is not paired at all, so that no office is multiplied with itself.
telling as (

    select * from counted

    where {{ cdp.cdp_device_rarity() }} >= {{ cdp.cdp_least_score() }}

),

seen as (

    select
        visits.tuple_key,
        visits.browser_key,
        visits.first_at,
        visits.last_at,
        telling.*

    from live_visits as visits

    inner join telling
        on
            visits.ip_key = telling.ip_key
            and visits.fingerprint_key = telling.fingerprint_key

),

browsers as (

    select
        ip_key,
        fingerprint_key,
        browser_key,
        min(first_at) as began_at,
        max(last_at) as ended_at,
        count(*) over (partition by ip_key, fingerprint_key) as browsers_with_both

    from seen

    group by ip_key, fingerprint_key, browser_key

),

pairs as (

    select
        {{ cdp.cdp_hash_key(pair) }} as pair_key,
        earlier.ip_key,
        earlier.fingerprint_key,
        earlier.tuple_key as tuple_a,
        later.tuple_key as tuple_b,
        earlier.browsers_on_ip,
        earlier.browsers_with_fingerprint,
        earlier_browser.browsers_with_both,
        earlier_browser.ended_at > later_browser.began_at as is_side_by_side,
        {{ cdp.cdp_seconds_between("earlier.last_at", "later.first_at") }} as seconds_apart,
        later.first_at as matched_at

    from seen as earlier

    inner join seen as later
        on
            earlier.ip_key = later.ip_key
            and earlier.fingerprint_key = later.fingerprint_key
            and earlier.browser_key <> later.browser_key
            and earlier.first_at <= later.first_at
            and later.first_at <= {{ cdp.cdp_timestamp_add("earlier.last_at", 24, "hour") }}

    inner join browsers as earlier_browser
        on
            earlier.ip_key = earlier_browser.ip_key
            and earlier.fingerprint_key = earlier_browser.fingerprint_key
            and earlier.browser_key = earlier_browser.browser_key

    inner join browsers as later_browser
        on
            later.ip_key = later_browser.ip_key
            and later.fingerprint_key = later_browser.fingerprint_key
            and later.browser_key = later_browser.browser_key

),

present as (

    {{ cdp.cdp_first_rows("pairs", ["pair_key"], ["matched_at", "seconds_apart"]) | indent(4) }}

),

changed as (

    {{ cdp.cdp_changed_pairs(keys, facts, is_found) | indent(4) }}

),

final as (

    select
        pair_key,
        ip_key,
        fingerprint_key,
        tuple_a,
        tuple_b,
        cast(browsers_on_ip as {{ dbt.type_bigint() }}) as browsers_on_ip,
        cast(browsers_with_fingerprint as {{ dbt.type_bigint() }}) as browsers_with_fingerprint,
        cast(browsers_with_both as {{ dbt.type_bigint() }}) as browsers_with_both,
        is_side_by_side,
        cast(seconds_apart as {{ dbt.type_bigint() }}) as seconds_apart,
        matched_at,
        is_live,
        {{ cdp.cdp_batch_id() }} as batch_id

    from changed

)

select * from final
