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
   See cdp_match_same_device for the kind of formula. #}
{% macro cdp_match_continued_visit() -%}
    {%- set number = dbt.type_numeric() -%}
    with visits as (

        select * from {{ ref("int_cdp__visits") }}

        where event_count > 0

    ),

    page_visits as (

        select *, cast(first_at as date) as visit_date

        from visits

        where
            place_key is not null
            and last_viewed_at is not null

    ),

    -- Visits are cut at midnight: who leaves before it may go on after it.
    left_pages as (

        select *, visit_date as entry_date

        from page_visits

        union all

        select *, {{ cdp.cdp_next_day("visit_date") }} as entry_date

        from page_visits

    ),

    followed as (

        select
            origin.tuple_key as tuple_a,
            heir.tuple_key as tuple_b,
            origin.browser_key as browser_a,
            heir.browser_key as browser_b,
            heir.first_viewed_at as matched_at,
            heir.place_key,
            heir.visit_date,
            {{ cdp.cdp_seconds_between("origin.last_viewed_at", "heir.first_viewed_at") }} as seconds_apart

        from page_visits as heir

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

    browsers as (

        select browser_key, min(first_at) as began_at, max(last_at) as ended_at

        from visits

        where
            browser_key in (select followed.browser_a from followed)
            or browser_key in (select followed.browser_b from followed)

        group by browser_key

    ),

    joined as (

        select
            followed.*,
            origin.ended_at > followed.matched_at as goes_on

        from followed

        inner join browsers as origin on followed.browser_a = origin.browser_key

        inner join browsers as heir
            on
                followed.browser_b = heir.browser_key
                and followed.matched_at = heir.began_at

    ),

    places as (

        select place_key, visit_date, count(distinct browser_key) as browsers_in_place

        from page_visits

        where place_key in (select joined.place_key from joined)

        group by place_key, visit_date

    ),

    counted as (

        select
            joined.*,
            places.browsers_in_place,
            count(*) over (partition by joined.browser_b) as possible_origins,
            count(*) over (partition by joined.browser_a) as possible_heirs

        from joined

        inner join places
            on
                joined.place_key = places.place_key
                and joined.visit_date = places.visit_date

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
