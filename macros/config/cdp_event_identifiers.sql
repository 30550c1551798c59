{# The columns of an event that name its person, strongest first. #}
{% macro cdp_event_identifiers() %}
    {{- return([
        "user_id", "crm_id", "billing_id", "support_id", "email", "phone", "device_id", "anonymous_id"
    ]) -}}
{% endmacro %}
