{# The canonical event shape: column name -> kind (text, timestamp or json). #}
{% macro cdp_event_columns() %}
    {{- return({
        "event_id": "text",
        "event_type": "text",
        "timestamp": "timestamp",
        "received_at": "timestamp",
        "loaded_at": "timestamp",
        "user_id": "text",
        "anonymous_id": "text",
        "email": "text",
        "phone": "text",
        "device_id": "text",
        "session_id": "text",
        "group_id": "text",
        "ip": "text",
        "fingerprint": "text",
        "user_agent": "text",
        "device_type": "text",
        "country": "text",
        "region": "text",
        "city": "text",
        "page_url": "text",
        "page_path": "text",
        "referrer": "text",
        "properties": "json",
        "traits": "json",
    }) -}}
{% endmacro %}
