{# Where the canonical columns are in the payload of an event as Segment, RudderStack and Jitsu clients
   send it: column -> JSON paths, the first that is present wins. Only an alias has a previous id, the one that the
   person was known by before. The traits of a group call are the group's, as its address is; the last four are for it. #}
{% macro cdp_landed_event_paths() %}
    {{- return({
        "event_id": ["$.event_id", "$.messageId", "$.message_id"],
        "event": ["$.event", "$.event_type"],
        "type": ["$.type"],
        "timestamp": ["$.timestamp", "$.originalTimestamp"],
        "received_at": ["$.received_at", "$.receivedAt"],
        "user_id": ["$.user_id", "$.userId"],
        "crm_id": ["$.crm_id"],
        "billing_id": ["$.billing_id"],
        "support_id": ["$.support_id"],
        "anonymous_id": ["$.previous_id", "$.previousId", "$.anonymous_id", "$.anonymousId"],
        "email": ["$.email", "$.traits.email", "$.context.traits.email"],
        "phone": ["$.phone", "$.traits.phone", "$.context.traits.phone"],
        "device_id": ["$.device_id", "$.context.device.id"],
        "session_id": ["$.session_id", "$.context.session_id", "$.context.sessionId"],
        "group_id": ["$.group_id", "$.groupId", "$.context.groupId"],
        "ip": ["$.context.ip", "$.request_ip"],
        "fingerprint": ["$.context.fingerprint"],
        "user_agent": ["$.context.user_agent", "$.context.userAgent", "$.request_user_agent"],
        "browser": ["$.browser"],
        "device_type": ["$.context.device.type", "$.device_type"],
        "country": ["$.context.location.country"],
        "region": ["$.context.location.region"],
        "city": ["$.context.location.city"],
        "page_url": ["$.context.page.url", "$.properties.url"],
        "page_path": ["$.context.page.path", "$.properties.path"],
        "referrer": ["$.context.page.referrer", "$.properties.referrer"],
        "properties": ["$.properties"],
        "traits": ["$.traits", "$.context.traits"],
        "group_traits": ["$.traits"],
        "person_traits": ["$.context.traits"],
        "person_email": ["$.email", "$.context.traits.email"],
        "person_phone": ["$.phone", "$.context.traits.phone"],
    }) -}}
{% endmacro %}
