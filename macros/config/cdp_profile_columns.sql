{# The columns of user_profiles that are neither attributes nor traits. #}
{% macro cdp_profile_columns() %}
    {{- return([
        "canonical_id", "email", "first_seen", "last_active", "account_id", "is_identified", "is_business_email", "attributes",
        "attribute_sources", "attribute_conflicts", "traits", "scores", "data_batch_id", "definition_hash", "batch_id"
    ]) -}}
{% endmacro %}


{# The columns of account_profiles that are no traits of the user's. #}
{% macro cdp_account_columns() %}
    {{- return([
        "account_id", "name", "domain", "industry", "company_size", "country", "plan", "people", "first_seen", "last_active", "traits",
        "scores", "data_batch_id", "definition_hash", "batch_id"
    ]) -}}
{% endmacro %}
