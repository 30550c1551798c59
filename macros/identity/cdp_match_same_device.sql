{# The query of the pairs that the rule same_device finds: two browsers, one IP address and one fingerprint within
   24 hours, as after cookies were deleted. A row a pair of identifier tuples, with its score and the evidence:
     browsers_on_ip                how many browsers that address has ever shown
     browsers_with_fingerprint     how many browsers have ever had that fingerprint
     browsers_with_both            how many had both
     is_side_by_side               whether one was seen there again after the other had begun, as two devices of one
                                   make in one office are
     hours_apart                   between the two, 0 when they overlap

   score = 0.98 / (1 + 0.05 (browsers_on_ip - 2)) / (1 + 0.15 (browsers_with_fingerprint - 2))
           / (1 where they follow one another, 5 where they are side by side)
   What is rare tells more than what is common, as in the odds of Fellegi and Sunter (1969), "A theory for record
   linkage"; the weights are measured on the demonstration's world. #}
{% macro cdp_match_same_device() -%}
    {%- set number = dbt.type_numeric() -%}
    with visits as (

        select * from {{ ref("int_cdp__visits") }}

        where
            event_count > 0
            and ip_key is not null
            and fingerprint_key is not null

    ),

    -- Only what two browsers have in common is counted any further.
    shared as (

        select ip_key, fingerprint_key

        from visits

        group by ip_key, fingerprint_key

        having min(browser_key) <> max(browser_key)

    ),

    browsers_by_ip as (

        select ip_key, count(distinct browser_key) as browsers_on_ip

        from visits

        where ip_key in (select shared.ip_key from shared)

        group by ip_key

    ),

    browsers_by_fingerprint as (

        select fingerprint_key, count(distinct browser_key) as browsers_with_fingerprint

        from visits

        where fingerprint_key in (select shared.fingerprint_key from shared)

        group by fingerprint_key

    ),

    browsers_by_both as (

        select visits.ip_key, visits.fingerprint_key, count(distinct visits.browser_key) as browsers_with_both

        from visits

        inner join shared
            on
                visits.ip_key = shared.ip_key
                and visits.fingerprint_key = shared.fingerprint_key

        group by visits.ip_key, visits.fingerprint_key

    ),

    rarity as (

        select
            combined.ip_key,
            combined.fingerprint_key,
            combined.browsers_with_both,
            ip.browsers_on_ip,
            fingerprint.browsers_with_fingerprint,
            0.98
            / (1 + 0.05 * (ip.browsers_on_ip - 2))
            / (1 + 0.15 * (fingerprint.browsers_with_fingerprint - 2)) as score

        from browsers_by_both as combined

        inner join browsers_by_ip as ip on combined.ip_key = ip.ip_key

        inner join browsers_by_fingerprint as fingerprint on combined.fingerprint_key = fingerprint.fingerprint_key

    ),

    -- What is too common is not paired at all, so that no office is multiplied with itself.
    telling as (

        select
            visits.tuple_key,
            visits.browser_key,
            visits.first_at,
            visits.last_at,
            min(visits.first_at) over (
                partition by visits.ip_key, visits.fingerprint_key, visits.browser_key
            ) as browser_began_at,
            max(visits.last_at) over (
                partition by visits.ip_key, visits.fingerprint_key, visits.browser_key
            ) as browser_ended_at,
            rarity.*

        from visits

        inner join rarity
            on
                visits.ip_key = rarity.ip_key
                and visits.fingerprint_key = rarity.fingerprint_key

        where rarity.score >= {{ cdp.cdp_least_score() }}

    ),

    pairs as (

        select
            earlier.tuple_key as tuple_a,
            later.tuple_key as tuple_b,
            earlier.score,
            earlier.browsers_on_ip,
            earlier.browsers_with_fingerprint,
            earlier.browsers_with_both,
            earlier.browser_ended_at > later.browser_began_at as is_side_by_side,
            later.first_at as matched_at,
            {{ cdp.cdp_seconds_between("earlier.last_at", "later.first_at") }} as seconds_apart

        from telling as earlier

        inner join telling as later
            on
                earlier.ip_key = later.ip_key
                and earlier.fingerprint_key = later.fingerprint_key
                and earlier.browser_key <> later.browser_key
                and earlier.first_at <= later.first_at
                and later.first_at <= {{ cdp.cdp_timestamp_add("earlier.last_at", 24, "hour") }}

    )

    select
        tuple_a,
        tuple_b,
        case when is_side_by_side then score / 5 else score end as score,
        {{ cdp.cdp_json_object({
            "browsers_on_ip": "browsers_on_ip",
            "browsers_with_fingerprint": "browsers_with_fingerprint",
            "browsers_with_both": "browsers_with_both",
            "is_side_by_side": "is_side_by_side",
            "hours_apart": "case when seconds_apart > 0 then cast(round(cast(seconds_apart as " ~ number ~ ") / 3600, 1) as " ~ dbt.type_string() ~ ") else '0' end",
        }) }} as evidence,
        matched_at

    from pairs
{%- endmacro %}
