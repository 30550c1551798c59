{# Where the tables of an entry of cdp_sources name people, by table, those that point to others first; none where nobody may delete from
   them, as from a table a day. What a table says is a mapping of
     identifiers  identifier type -> the columns with such identifiers, in the order in which they say whose the row is
     mentions     identifier type -> columns that name people whose row it is not
     digests      identifier type -> columns with the MD5 of such an identifier
     through      column -> [table, its column]: the row is whose that other table's row is
     lasting      columns that are not emptied in rows of somebody else: they say which row it is
     versions     where rows may be versions of one: `key`, the column by which they are; `by`, the columns that say which one counts,
                  the newest, or with `is_first` the first. All versions are whose that one is. A row without a key is told by all of
                  its columns, so that none of them is emptied
   Columns are spelled as in cdp_source_rows; all that exist count. One that is a mapping is a field of a document, see cdp_origin_field. #}
{% macro cdp_origin_tables(entry) %}
    {%- if entry.collector in ["segment", "rudderstack"] -%}
        {{- return(cdp.cdp_origin_client_calls(entry)) -}}
    {%- endif -%}
    {%- set record = entry.identifier_type -%}
    {%- set loaded = ["_fivetran_synced", "_airbyte_extracted_at"] -%}
    {%- set tables = {} -%}
    {%- if entry.collector == "jitsu" -%}
        {%- do tables.update({"events": {
            "identifiers": {
                "user_id": ["user_id"],
                "email": ["context_traits_email"],
                "phone": ["context_traits_phone"],
                "device_id": ["context_device_id"],
                "anonymous_id": ["previous_id", "anonymous_id"],
            },
            "versions": {"key": entry.expiry["id"], "by": ["received_at"], "is_first": true},
        }}) -%}
    {%- elif entry.collector == "snowplow" -%}
        {%- set session = "re:contexts_com_snowplowanalytics_snowplow_client_session_1(_.+)?" -%}
        {%- set mobile = "re:contexts_com_snowplowanalytics_snowplow_mobile_context_1(_.+)?" -%}
        {%- set devices = [] -%}
        {%- for field in ["apple_idfv", "appleIdfv", "android_idfa", "androidIdfa", "app_set_id", "appSetId", "apple_idfa", "appleIdfa"] -%}
            {%- do devices.append(cdp.cdp_origin_field(mobile, field, is_list=true)) -%}
        {%- endfor -%}
        {%- do tables.update({"events": {
            "identifiers": {
                "user_id": ["user_id"],
                "device_id": devices,
                "anonymous_id": [
                    "domain_userid",
                    cdp.cdp_origin_field(session, "user_id", is_list=true),
                    cdp.cdp_origin_field(session, "userId", is_list=true),
                    "network_userid",
                ],
            },
            "mentions": {"anonymous_id": ["refr_domain_userid"]},
            "versions": {"key": entry.expiry["id"], "by": ["collector_tstamp"], "is_first": true},
        }}) -%}
    {%- elif entry.collector == "amplitude" -%}
        {%- do tables.update({"event": {
            "identifiers": {
                "user_id": ["user_id"],
                "email": [cdp.cdp_origin_field("user_properties", "email")],
                "phone": [cdp.cdp_origin_field("user_properties", "phone")],
                "device_id": ["idfv", "ad_id", "adid", "idfa"],
                "anonymous_id": ["device_id"],
            },
            "versions": {
                "key": entry.expiry["id"],
                "by": ["server_received_time", "server_upload_time"],
                "is_first": true,
            },
        }}) -%}
    {%- elif entry.collector == "mixpanel" -%}
        {%- set browsers = [] -%}
        {%- for column in [
            "device_id",
            cdp.cdp_origin_field("properties", "$device_id"),
            cdp.cdp_origin_field("properties", "$anon_id"),
            "distinct_id_before_identity",
            cdp.cdp_origin_field("properties", "$distinct_id_before_identity"),
            "distinct_id",
        ] -%}
            {%- do browsers.append(cdp.cdp_origin_trimmed(column, "^[$]device:")) -%}
        {%- endfor -%}
        {%- do tables.update({"mp_master_event": {
            "identifiers": {
                "user_id": [
                    "user_id",
                    cdp.cdp_origin_field("properties", "$user_id"),
                    cdp.cdp_origin_field("properties", "$identified_id"),
                ],
                "anonymous_id": browsers,
            },
            "lasting": ["distinct_id_before_identity", "distinct_id"],
            "versions": {"key": ["insert_id"], "by": []},
        }}) -%}
    {%- elif entry.collector == "salesforce" -%}
        {%- set updated = ["last_modified_date", "lastmodifieddate", "system_modstamp", "systemmodstamp"] + loaded -%}
        {%- for table, others in {"contact": [], "lead": ["converted_contact_id", "convertedcontactid"]}.items() -%}
            {%- do tables.update({table: {
                "identifiers": {
                    record: ["id", "master_record_id", "masterrecordid"] + others,
                    "email": ["email"],
                    "phone": ["mobile_phone", "mobilephone"],
                },
                "lasting": ["id"],
                "versions": {"key": ["id"], "by": ["_fivetran_active"] + updated},
            }}) -%}
        {%- endfor -%}
    {%- elif entry.collector == "hubspot" -%}
        {%- do tables.update({"contact": {
            "identifiers": {
                record: ["id"],
                "email": ["property_email", "properties_email"],
                "phone": ["property_mobilephone", "properties_mobilephone"],
            },
            "lasting": ["id"],
            "versions": {
                "key": ["id"],
                "by": ["_fivetran_active", "property_lastmodifieddate", "properties_lastmodifieddate", "updatedat"] + loaded,
            },
        }}) -%}
    {%- elif entry.collector == "stripe" -%}
        {%- set customer = {"identifiers": {record: ["customer_id", "customer"]}} -%}
        {%- do tables.update({
            "subscription_item": {"through": {"subscription_id": ["subscription", "id"], "subscription": ["subscription", "id"]}},
            "subscription": customer,
            "invoice": customer,
            "customer": {
                "identifiers": {
                    "user_id": [
                        "metadata_user_id",
                        cdp.cdp_origin_field("metadata", "user_id"),
                        cdp.cdp_origin_field("metadata", "userId"),
                    ],
                    record: ["id"],
                    "email": ["email"],
                },
                "lasting": ["id"],
                "versions": {"key": ["id"], "by": ["updated"] + loaded},
            },
        }) -%}
    {%- elif entry.collector == "zendesk" -%}
        {%- do tables.update({
            "ticket": {
                "identifiers": {record: ["requester_id"]},
                "mentions": {record: ["submitter_id"]},
                "versions": {"key": ["id"], "by": ["_fivetran_start"] + loaded + ["updated_at"]},
            },
            "user": {
                "identifiers": {"user_id": ["external_id"], record: ["id"], "email": ["email"], "phone": ["phone"]},
                "lasting": ["id"],
                "versions": {"key": ["id"], "by": ["_fivetran_active", "updated_at"] + loaded},
            },
        }) -%}
    {%- elif entry.collector == "mailchimp" -%}
        {%- set activity = {"identifiers": {"email": ["email_address"]}, "digests": {"email": ["member_id", "email_id"]}} -%}
        {%- do tables.update({
            "campaign_recipient_activity": activity,
            "automation_recipient_activity": activity,
            "member": {"identifiers": {"email": ["email_address"]}, "digests": {"email": ["id"]}},
        }) -%}
    {%- endif -%}
    {{- return(tables) -}}
{% endmacro %}


{# What the tables of Segment and RudderStack say, one a kind of call, and those of single events. #}
{% macro cdp_origin_client_calls(entry) %}
    {%- set tables = {} -%}
    {%- for table in entry.tables + (entry.event_tables or []) -%}
        {%- set own = ["email", "phone"] if table == "identifies" else [] -%}
        {%- do tables.update({table: {
            "identifiers": {
                "user_id": ["user_id"],
                "email": own[:1] + ["context_traits_email"],
                "phone": own[1:] + ["context_traits_phone"],
                "device_id": ["context_device_id"],
                "anonymous_id": (["previous_id"] if table == "aliases" else []) + ["anonymous_id"],
            },
            "versions": {"key": entry.expiry["id"], "by": ["received_at"], "is_first": true},
        }}) -%}
    {%- endfor -%}
    {{- return(tables) -}}
{% endmacro %}


{# A field of a document in a column, or of the first element where that is a list of documents. `sql` reads it from the column {x}. #}
{% macro cdp_origin_field(column, field, is_list=false) %}
    {%- set document = cdp.cdp_json_from("{x}") -%}
    {%- set document = cdp.cdp_json_first(document) if is_list else document -%}
    {{- return({"column": column, "sql": cdp.cdp_json_text(document, cdp.cdp_json_path(field)), "is_field": true}) -}}
{% endmacro %}


{# A column, or a field, whose values have an addition of the system's that is not part of the identifier. #}
{% macro cdp_origin_trimmed(column, pattern) %}
    {%- set read = {"column": column, "sql": "cast({x} as " ~ dbt.type_string() ~ ")", "is_field": false} -%}
    {%- if column is mapping -%}
        {%- do read.update(column) -%}
    {%- endif -%}
    {{- return(dict(read, sql=cdp.cdp_regexp_replace(read.sql, pattern, ""))) -}}
{% endmacro %}
