{# The scores that every profile has unless cdp_traits replaces them: traits with `parts`. docs/profiles.md explains
   the formulas. #}
{% macro cdp_default_scores() %}
    {%- set whole = dbt.type_bigint() -%}
    {{- return([
        {
            "name": "product_usage_score",
            "parts": {
                "recency": "case when days_since_product_use < 30 then round(40 - 40 * days_since_product_use / 30.0, 1) else 0 end",
                "frequency": "least(40, 2 * product_days_30d)",
                "breadth": "least(20, 4 * product_features_30d)",
            },
        },
        {
            "name": "engagement_level",
            "parts": {
                "days_since_active": "days_since_active",
                "days_since_first_activity": cdp.cdp_days_since("first_activity_at"),
                "active_days_30d": "active_days_30d",
                "active_days_prev_30d": "active_days_prev_30d",
            },
            "sql": "case when parts.days_since_active is null then null"
                ~ " when parts.days_since_active > 90 then 'churned'"
                ~ " when parts.days_since_active > 30 then 'dormant'"
                ~ " when parts.days_since_first_activity < 14 then 'new'"
                ~ " when parts.days_since_active > 14 or 2 * parts.active_days_30d < parts.active_days_prev_30d then 'at_risk'"
                ~ " else 'active' end",
        },
        {
            "name": "lead_score",
            "parts": {
                "business_address": "case when is_business_email then 10 else 0 end",
                "company_size": "case when " ~ cdp.cdp_icp_condition("company_size") ~ " then 10 else 0 end",
                "industry": "case when " ~ cdp.cdp_icp_condition("industry") ~ " then 10 else 0 end",
                "job_title": "case when " ~ cdp.cdp_icp_condition("job_title") ~ " then 10 else 0 end",
                "country": "case when " ~ cdp.cdp_icp_condition("country") ~ " then 10 else 0 end",
                "pricing": "least(20, round(5 * pricing_interest, 1))",
                "hand_raised": "least(30, round(30 * hand_raise_interest, 1))",
            },
        },
        {
            "name": "churn_risk",
            "parts": {
                "silence": "case when days_since_product_use < 30 then round(50 * days_since_product_use / 30.0, 1)"
                    ~ " when days_since_product_use >= 30 then 50 end",
                "decline": "case when product_days_30d < product_days_prev_30d"
                    ~ " then round(50 - 50.0 * product_days_30d / product_days_prev_30d, 1) else 0 end",
            },
            "sql": "case when days_since_product_use is not null then cast(round(parts.silence + parts.decline) as " ~ whole ~ ") end",
        },
    ]) -}}
{% endmacro %}
