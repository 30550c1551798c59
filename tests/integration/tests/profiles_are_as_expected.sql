{%- set columns = [
    "email", "name", "company", "plan", "is_identified", "last_active", "total_page_views", "pricing_views_7d",
    "trial_started_at", "lifetime_revenue", "largest_order", "average_order", "pages_seen", "favourite_page",
    "first_page", "active_days", "is_customer", "tier"
] %}

with

expected as (

    select *

    from {{ ref("expected_profiles") }}

    where batch = {{ var("batch") }}

),

compared as (

    select
        expected.identifier_value,
        {%- for column in columns %}
        {%- if column == "average_order" %}
        round(cast(expected.{{ column }} as {{ dbt.type_numeric() }}), 3) as expected_{{ column }},
        round(cast(profiles.{{ column }} as {{ dbt.type_numeric() }}), 3) as found_{{ column }},
        {%- else %}
        expected.{{ column }} as expected_{{ column }},
        profiles.{{ column }} as found_{{ column }},
        {%- endif %}
        {%- endfor %}
        profiles.canonical_id

    from expected

    left join {{ ref("cdp", "cdp__identity_graph") }} as graph
        on
            expected.identifier_type = graph.identifier_type
            and expected.identifier_value = graph.identifier_value

    left join {{ ref("cdp", "cdp__user_profiles") }} as profiles on graph.canonical_id = profiles.canonical_id

)

select *

from compared

where
    canonical_id is null
    {%- for column in columns %}
    or expected_{{ column }} is distinct from found_{{ column }}
    {%- endfor %}
