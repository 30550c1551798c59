{# The traits that every profile has unless cdp_traits replaces them; docs/profiles.md explains the formulas. #}
{% macro cdp_default_traits() %}
    {%- set own = "event_type not in ('" ~ cdp.cdp_passive_events() | join("', '") ~ "')" -%}
    {%- set product = "user_id is not null and event_type not in ('" ~ (cdp.cdp_passive_events() + [
        "page_viewed", "screen_viewed", "identify", "group", "alias", "email_clicked", "ticket_created"
    ]) | join("', '") ~ "')" -%}
    {{- return([
        {"name": "total_page_views", "count": "events", "event": "page_viewed"},
        {"name": "active_days_30d", "count": "days", "where": own, "last_days": 30},
        {"name": "active_days_prev_30d", "count": "days", "where": own, "last_days": 30, "offset_days": 30},
        {"name": "first_activity_at", "earliest": "timestamp", "where": own},
        {"name": "last_activity_at", "latest": "timestamp", "where": own},
        {"name": "last_active_date", "sql": "cast(last_activity_at as date)"},
        {"name": "days_since_active", "sql": cdp.cdp_days_since("last_activity_at")},
        {"name": "product_days_30d", "count": "days", "where": product, "last_days": 30},
        {"name": "product_days_prev_30d", "count": "days", "where": product, "last_days": 30, "offset_days": 30},
        {"name": "product_features_30d", "count_distinct": "event_type || coalesce(' ' || properties.feature, '')", "where": product,
         "last_days": 30},
        {"name": "last_product_use_at", "latest": "timestamp", "where": product},
        {"name": "days_since_product_use", "sql": cdp.cdp_days_since("last_product_use_at")},
        {"name": "pricing_interest", "count": "events", "event": "page_viewed", "where": "page_path like '/pricing%'",
         "half_life_days": 14},
        {"name": "hand_raise_interest", "count": "events", "event": ["demo_requested", "form_submitted", "trial_started"],
         "half_life_days": 30},
        {"name": "is_icp_match", "sql": cdp.cdp_icp_match()},
    ] + cdp.cdp_default_scores()) -}}
{% endmacro %}


{# Events that happen to a person rather than being something that the person does. #}
{% macro cdp_passive_events() %}
    {{- return([
        "email_sent", "email_delivered", "email_opened", "email_bounced", "email_dropped", "invoice_paid", "subscription_started",
        "subscription_ended"
    ]) -}}
{% endmacro %}


{# The whole days from a time to the day of the build, of which traits know as as_of_date. #}
{% macro cdp_days_since(time) %}
    {{- return(dbt.datediff("cast(" ~ time ~ " as date)", "as_of_date", "day")) -}}
{% endmacro %}
