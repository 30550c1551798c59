{# The queries that compute the traits which events give: name of the CTE -> its traits. One computes all the numbers and times
   of a measure, another all that is picked from the values of a measure in one window. Each reads its measure's rows alone;
   as aggregates side by side over all activity every trait would be computed of every row. #}
{% macro cdp_event_trait_queries(traits) %}
    {%- set queries = {} -%}
    {%- for trait in traits if trait.aggregate not in ["sql", "model", "parts"] -%}
        {%- set measure = cdp.cdp_trait_measure(trait) -%}
        {%- if trait.aggregate == "streak" -%}
            {%- set name = "streak_" ~ trait.name -%}
        {%- elif measure.is_keyed -%}
            {%- set name = ["values", measure.id, trait.get("last_days", "all"), trait.get("offset_days", 0)] | join("_") -%}
        {%- else -%}
            {%- set name = "totals_" ~ measure.id -%}
        {%- endif -%}
        {%- do queries.setdefault(name, []).append(trait) -%}
    {%- endfor -%}
    {{- return(queries) -}}
{% endmacro %}


{# The CTEs of those queries over a relation with the columns of int_cdp__daily_activity and `key`, that of the person or
   the account. They have a row for each of whom there is something to compute. #}
{% macro cdp_event_traits(queries, activity, key="canonical_id") -%}
    {%- for name, traits in queries.items() %}
    {%- set rows = "from " ~ activity ~ " where measure = '" ~ cdp.cdp_trait_measure(traits[0]).id ~ "' and event_count > 0" %}
    {%- set rows_in_window = rows ~ " and " ~ cdp.cdp_trait_window(traits[0]) %}
{{ name }} as (

    {% if name.startswith("totals_") -%}
    {{ cdp.cdp_totals_query(traits, rows, key) }}
    {%- elif name.startswith("values_") -%}
    {{ cdp.cdp_values_query(traits, rows_in_window, key) }}
    {%- else -%}
    {{ cdp.cdp_streak_query(traits[0], rows_in_window, key) }}
    {%- endif %}

),
{% endfor -%}
{%- endmacro %}


{# The columns of all these traits; what counts is 0 where there is no row for the person or account. #}
{% macro cdp_event_trait_columns(queries) -%}
    {%- for query, traits in queries.items() %}
    {%- for trait in traits %}
    {%- set column = query ~ "." ~ trait.name %}
{{ "coalesce(" ~ column ~ ", 0)" if trait.aggregate in ["count", "sum", "count_distinct", "streak"] else column }} as {{ trait.name }},
    {%- endfor %}
    {%- endfor %}
{%- endmacro %}


{# The joins that bring them to a relation with the key. #}
{% macro cdp_event_trait_joins(queries, relation, key="canonical_id") -%}
    {%- for query in queries %}
left join {{ query }} on {{ relation }}.{{ key }} = {{ query }}.{{ key }}
{% endfor %}
{%- endmacro %}


{# The numbers and times of one measure. #}
{% macro cdp_totals_query(traits, rows, key) -%}
    select
        {%- for trait in traits %}
        {{ cdp.cdp_total_sql(trait) }} as {{ trait.name }},
        {%- endfor %}
        {{ key }}

    {{ rows }}

    group by {{ key }}
{%- endmacro %}


{# The aggregate over a measure's rows that computes such a trait. #}
{% macro cdp_total_sql(trait) %}
    {%- set is_in = cdp.cdp_trait_window(trait) -%}
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


{# Of one measure's values: how many there are, the first one in an order, or the first few as a list. #}
{% macro cdp_values_query(traits, rows, key) -%}
    {%- set orders = {
        "most_frequent": "sum(event_count) desc, max(last_at) desc",
        "first": "min(first_at)",
        "last": "max(last_at) desc",
        "recent": "max(last_at) desc",
    } -%}
    {%- set aggregates = traits | map(attribute="aggregate") | unique | list -%}
    select
        {%- for trait in traits %}
        {%- set place = "place_in_" ~ trait.aggregate %}
        {% if trait.aggregate == "count_distinct" -%}
        count(*)
        {%- elif trait.aggregate == "recent" -%}
        {{ cdp.cdp_json_list("case when " ~ place ~ " <= " ~ trait.get("limit", 10) ~ " then value_key end", place) }}
        {%- else -%}
        max(case when {{ place }} = 1 then value_key end)
        {%- endif %} as {{ trait.name }},
        {%- endfor %}
        {{ key }}

    from (
        select
            {{ key }},
            {%- for aggregate in aggregates if aggregate in orders %}
            row_number() over (partition by {{ key }} order by {{ orders[aggregate] }}, value_key) as place_in_{{ aggregate }},
            {%- endfor %}
            value_key

        {{ rows }}

        group by
            {{ key }},
            value_key
    ) as ranked_values

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
