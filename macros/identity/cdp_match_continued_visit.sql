{# The query of the pairs that the rule continued_visit finds: a browser that was never seen before enters on a page
   of which another one, of the same device type, user agent and place, has just left, as when a cookie is lost in the
   middle of a visit. "Enters on": its first page view names the other's last page as the referrer, at most 30 minutes
   later. A row a pair of identifier tuples, with its score and the evidence:
     browsers_in_place   how many such browsers that place has shown on that day
     possible_origins    how many of them have left that page in the 30 minutes before
     possible_heirs      how many have entered from that page in the 30 minutes after
     goes_on             whether the first browser was seen again later, which a lost cookie is not
     minutes_apart       between the two page views

   score = 0.98 / (1 + 0.003 (browsers_in_place - 2)) / (possible_origins possible_heirs)
           / (1 + minutes_apart / 60) / (1 where the first browser ends, 5 where it goes on)
   See cdp_device_rarity for the kind of formula, and int_cdp__continued_visits for the pairs. #}
{% macro cdp_match_continued_visit() -%}
    {%- set number = dbt.type_numeric() -%}
    with pairs as (

        select * from {{ ref("int_cdp__continued_visits") }}

        where is_live

    ),

    browsers as (

        select browser_key, min(first_at) as began_at, max(last_at) as ended_at

        from {{ ref("int_cdp__visits") }}

        where
            event_count > 0
            and browser_key in (
                select pairs.browser_a from pairs

                union all

                select pairs.browser_b from pairs
            )

        group by browser_key

    ),

    -- A pair that was found may have been disproved by an earlier visit since.
    joined as (

        select
            pairs.*,
            origin.ended_at > pairs.matched_at as goes_on

        from pairs

        inner join browsers as origin on pairs.browser_a = origin.browser_key

        inner join browsers as heir
            on
                pairs.browser_b = heir.browser_key
                and pairs.matched_at = heir.began_at

    ),

    counted as (

        select
            *,
            count(*) over (partition by browser_b) as possible_origins,
            count(*) over (partition by browser_a) as possible_heirs

        from joined

    ),

    scored as (

        select
            *,
            0.98
            / (1 + 0.003 * (browsers_in_place - 2))
            / (possible_origins * possible_heirs)
            / (1 + seconds_apart / 3600.0)
            / case when goes_on then 5 else 1 end as score

        from counted

    )

    select
        tuple_a,
        tuple_b,
        score,
        {{ cdp.cdp_json_object({
            "browsers_in_place": "browsers_in_place",
            "possible_origins": "possible_origins",
            "possible_heirs": "possible_heirs",
            "goes_on": "goes_on",
            "minutes_apart": "cast(round(cast(seconds_apart as " ~ number ~ ") / 60, 1) as " ~ dbt.type_string() ~ ")",
        }) }} as evidence,
        matched_at

    from scored
{%- endmacro %}
