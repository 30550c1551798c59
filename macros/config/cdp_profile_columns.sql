{# The columns of user_profiles that are neither attributes nor traits. #}
{% macro cdp_profile_columns() %}
    {{- return([
        "canonical_id", "email", "first_seen", "last_active", "attributes", "attribute_sources",
        "attribute_conflicts", "traits",
        "scores", "is_identified", "is_business_email", "definition_hash", "batch_id"
    ]) -}}
{% endmacro %}
