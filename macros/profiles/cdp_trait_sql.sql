{# The aggregate over daily activity (columns of int_cdp__daily_activity) that computes a trait without keys. #}
{% macro cdp_trait_sql(trait) %}
    {%- set is_in = "measure = '" ~ cdp.cdp_trait_measure(trait).id ~ "' and event_count > 0 and " ~ cdp.cdp_trait_window(trait) -%}
    {%- set picked = {
        "count": "event_count", "sum": "value_sum", "average": "value_sum", "min": "value_min", "max": "value_max",
        "earliest": "first_at", "latest": "last_at",
    }[trait.aggregate] -%}
    {%- set values = "case when " ~ is_in ~ " then " ~ picked ~ " end" -%}
    {%- if trait.half_life_days -%}
        {{- return(cdp.cdp_decayed_sum(values, trait.half_life_days)) -}}
    {%- elif trait.aggregate == "count" and trait.field == "days" -%}
        {{- return("count(distinct case when " ~ is_in ~ " then activity_date end)") -}}
    {%- elif trait.aggregate == "count" -%}
        {{- return("cast(coalesce(sum(" ~ values ~ "), 0) as " ~ dbt.type_bigint() ~ ")") -}}
    {%- elif trait.aggregate == "sum" -%}
        {{- return("coalesce(sum(" ~ values ~ "), 0)") -}}
    {%- elif trait.aggregate == "average" -%}
        {{- return("sum(" ~ values ~ ") / nullif(sum(case when " ~ is_in ~ " then value_count end), 0)") -}}
    {%- elif trait.aggregate in ["min", "earliest"] -%}
        {{- return("min(" ~ values ~ ")") -}}
    {%- else -%}
        {{- return("max(" ~ values ~ ")") -}}
    {%- endif -%}
{% endmacro %}


{# The sum of values of which each loses half of its weight in so many days; to six decimals, since a sum of floating-point
   numbers depends on their order. #}
{% macro cdp_decayed_sum(values, half_life_days) %}
    {%- set days = dbt.datediff("activity_date", cdp.cdp_as_of_date(0), "day") -%}
    {{- return("coalesce(round(sum(" ~ values ~ " * power(0.5, " ~ days ~ " / " ~ half_life_days ~ ".0)), 6), 0)") -}}
{% endmacro %}


{# Whether a trait cannot be one aggregate among others but needs a query of its own. #}
{% macro cdp_trait_has_query(trait) %}
    {{- return(trait.aggregate == "streak" or cdp.cdp_trait_measure(trait).is_keyed) -}}
{% endmacro %}


{# The query (key, trait) of a trait that counts, picks or lists values, or counts days in a row; `key` is the column of
   the person or the account. #}
{% macro cdp_trait_query(trait, activity, key="canonical_id") -%}
    {%- set rows = "from " ~ activity ~ " where measure = '" ~ cdp.cdp_trait_measure(trait).id
        ~ "' and event_count > 0 and " ~ cdp.cdp_trait_window(trait) -%}
    {%- if trait.aggregate == "streak" -%}
    {{ cdp.cdp_streak_query(trait, rows, key) }}
    {%- elif trait.aggregate == "count_distinct" -%}
    select
        {{ key }},
        count(distinct value_key) as {{ trait.name }}

    {{ rows }}

    group by {{ key }}
    {%- else -%}
    {{ cdp.cdp_ranked_values_query(trait, rows, key) }}
    {%- endif %}
{%- endmacro %}


{# The first of a person's values in the trait's order, or the first few as a list. #}
{% macro cdp_ranked_values_query(trait, rows, key) -%}
    {%- set order = {
        "most_frequent": "sum(event_count) desc, max(last_at) desc",
        "first": "min(first_at)",
        "last": "max(last_at) desc",
        "recent": "max(last_at) desc",
    }[trait.aggregate] -%}
    {%- set is_list = trait.aggregate == "recent" -%}
    select
        {{ key }},
        {{ cdp.cdp_json_list("value_key", "place") if is_list else "max(value_key)" }} as {{ trait.name }}

    from (
        select
            {{ key }},
            value_key,
            row_number() over (partition by {{ key }} order by {{ order }}, value_key) as place

        {{ rows }}

        group by
            {{ key }},
            value_key
    ) as ranked_values

    where place <= {{ trait.get("limit", 10) if is_list else 1 }}

    group by {{ key }}
{%- endmacro %}


{# The days in a row that end with the window's last day; without a window that is the day of the build, or the one
   before, since today is not over. #}
{% macro cdp_streak_query(trait, rows, key) -%}
    select
        {{ key }},
        count(*) as {{ trait.name }}

    from (
        select
            {{ key }},
            activity_date,
            max(activity_date) over (partition by {{ key }}) as last_date,
            row_number() over (partition by {{ key }} order by activity_date desc) as place

        {{ rows }}

        group by
            {{ key }},
            activity_date
    ) as days

    where
        last_date >= {{ cdp.cdp_as_of_date(-1 - trait.get("offset_days", 0)) }}
        and {{ dbt.datediff("activity_date", "last_date", "day") }} = place - 1

    group by {{ key }}
{%- endmacro %}
