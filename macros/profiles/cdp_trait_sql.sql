{# The aggregate over daily activity (columns of int_cdp__daily_activity) that computes a trait without keys. #}
{% macro cdp_trait_sql(trait) %}
    {%- set is_in = "measure = '" ~ cdp.cdp_trait_measure(trait).id ~ "' and event_count > 0 and " ~ cdp.cdp_trait_window(trait) -%}
    {%- set picked = {
        "count": "event_count", "sum": "value_sum", "average": "value_sum", "min": "value_min", "max": "value_max",
        "earliest": "first_at", "latest": "last_at",
    }[trait.aggregate] -%}
    {%- set values = "case when " ~ is_in ~ " then " ~ picked ~ " end" -%}
    {%- if trait.aggregate == "count" and trait.field == "days" -%}
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


{# The query (canonical_id, trait) of a trait that counts or picks values. #}
{% macro cdp_keyed_trait_sql(trait, activity) -%}
    {%- set order = {
        "most_frequent": "sum(event_count) desc, max(last_at) desc",
        "earliest": "min(first_at)",
        "latest": "max(last_at) desc",
    } -%}
    {%- set rows = "from " ~ activity ~ " where measure = '" ~ cdp.cdp_trait_measure(trait).id
        ~ "' and event_count > 0 and " ~ cdp.cdp_trait_window(trait) -%}
    {%- if trait.aggregate == "count_distinct" -%}
    select
        canonical_id,
        count(distinct value_key) as {{ trait.name }}

    {{ rows }}

    group by canonical_id
    {%- else -%}
    select
        canonical_id,
        value_key as {{ trait.name }}

    {{ rows }}

    group by
        canonical_id,
        value_key

    qualify row_number() over (
        partition by canonical_id
        order by {{ order[trait.aggregate] }}, value_key
    ) = 1
    {%- endif %}
{%- endmacro %}
