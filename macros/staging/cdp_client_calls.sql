{# A query of the calls that Segment's clients and those made after them send, from the tables that Segment and RudderStack
   write them to, one a kind of call: one row a call, of all entries of cdp_sources that use the collector.

   The table tracks has no properties. Those of an event are in a table of its own, with all that tracks says of it, so an event whose table
   the entry names in event_tables is read from there. #}
{% macro cdp_client_calls(collector) %}
    {%- set common = {
        "id": ("text", ["id", "message_id"]),
        "timestamp": ("timestamp", ["timestamp", "original_timestamp"]),
        "received_at": "timestamp",
        "loaded_at": ("timestamp", ["loaded_at", "uuid_ts"]),
        "user_id": "text",
        "anonymous_id": "text",
        "context_email": ("text", ["context_traits_email"]),
        "context_phone": ("text", ["context_traits_phone"]),
        "device_id": ("text", ["context_device_id"]),
        "session_id": ("text", ["context_session_id"]),
        "context_group_id": "text",
        "ip": ("text", ["re:context_(request_)?ip"]),
        "fingerprint": ("text", ["context_fingerprint"]),
        "user_agent": ("text", ["context_user_agent"]),
        "device_type": ("text", ["context_device_type"]),
        "country": ("text", ["context_location_country"]),
        "region": ("text", ["context_location_region"]),
        "city": ("text", ["context_location_city"]),
        "context_page_url": "text",
        "context_page_path": "text",
        "context_page_referrer": "text",
    } -%}
    {%- set ignored = ["context_.*", "original_timestamp", "sent_at", "uuid", "uuid_ts", "loaded_at", "event_text", "channel", "row_id"] -%}
    {%- set page = {"url": "text", "path": "text", "referrer": "text"} -%}
    {%- set person = {"email": "text", "phone": "text"} -%}
    {%- set kinds = {
        "tracks": {"event_type": "event", "own": {"event": "text"}},
        "pages": {"event_type": "'page_viewed'", "own": page, "others": "properties"},
        "screens": {"event_type": "'screen_viewed'", "own": {}, "others": "properties"},
        "identifies": {"event_type": "'identify'", "own": person, "others": "traits"},
        "groups": {"event_type": "'group'", "own": {"group_id": "text"}, "others": "properties"},
        "aliases": {"event_type": "'alias'", "own": {"previous_id": "text"}},
    } -%}
    {%- set needs = ["user_id", "anonymous_id"] -%}
    {%- set parts = [] -%}
    {%- set told_elsewhere = [] -%}
    {%- for entry in cdp.cdp_sources_of(collector) -%}
        {%- for table in entry.event_tables or [] -%}
            {%- do parts.append(cdp.cdp_client_call(
                cdp.cdp_source_table_rows(entry, table, dict(common, event="text"), "properties", ignored, needs),
                common, {"event_type": "event", "own": {"event": "text"}, "others": "properties"}
            )) -%}
            {%- do told_elsewhere.append("coalesce(source = '" ~ entry.name ~ "' and event = '" ~ table ~ "', false)") -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for table, call in kinds.items() -%}
        {%- set columns = dict(common) -%}
        {%- do columns.update(call.own) -%}
        {%- set rows = cdp.cdp_source_rows(collector, table, columns, call.others, ignored, needs) -%}
        {%- set part = cdp.cdp_client_call(rows, common, call) -%}
        {%- if table == "tracks" and told_elsewhere -%}
            {%- set part = part ~ "\n\n    where not (" ~ told_elsewhere | join(" or ") ~ ")" -%}
        {%- endif -%}
        {%- do parts.append(part) -%}
    {%- endfor -%}
    {{- parts | join("\n\n    union all\n\n    ") -}}
{% endmacro %}


{# The rows of one kind of call, in the columns that all have. #}
{% macro cdp_client_call(rows, common, call) %}
    {%- set nothing = "cast(null as " ~ dbt.type_string() ~ ")" -%}
    select
        source,
        {{ call.event_type }} as event_type,
        {%- for column in common %}
        {{ column }},
        {%- endfor %}
        {%- for column in ["url", "path", "referrer", "email", "phone", "group_id", "previous_id"] %}
        {{ column if column in call.own else nothing }} as {{ column }},
        {%- endfor %}
        {{ "properties" if call.others == "properties" else nothing }} as properties,
        {{ "traits" if call.others == "traits" else nothing }} as traits

    from (
        {{ rows | indent(4) }}
    ) as calls_of_a_kind
{%- endmacro %}


{# The canonical columns of these calls, for cdp_canonical_events. #}
{% macro cdp_client_call_columns() %}
    {%- set columns = {
        "event_id": "id",
        "anonymous_id": "coalesce(previous_id, anonymous_id)",
        "email": "coalesce(email, context_email)",
        "phone": "coalesce(phone, context_phone)",
        "group_id": "coalesce(group_id, context_group_id)",
        "page_url": "coalesce(url, context_page_url)",
        "page_path": "coalesce(path, context_page_path)",
        "referrer": "coalesce(referrer, context_page_referrer)",
    } -%}
    {%- for column in [
        "event_type", "timestamp", "received_at", "loaded_at", "user_id", "device_id", "session_id", "ip", "fingerprint", "user_agent",
        "device_type", "country", "region", "city", "properties", "traits"
    ] -%}
        {%- do columns.update({column: column}) -%}
    {%- endfor -%}
    {{- return(columns) -}}
{% endmacro %}
