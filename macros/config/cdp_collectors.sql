{# The collectors and business systems whose own tables the package reads, by the name that `collector:` gives, each a
   mapping of
     tables           its tables in the dbt source; those that do not exist are empty, as long as one does
     kinds            what it gives: events by the model stg_cdp__<collector>_events, records by stg_cdp__<collector>_records
     identifier_type  the type of identifier that a record's id is; none if the id names nobody outside the system
     attributes       the attributes that its records have
     reread_hours     how many hours before the last load a build reads again, since rows may come or change that late
     expiry           of a collector that writes a row an event: the names that the columns with the event's id and its time may have
     keys             further keys of an entry in cdp_sources #}
{% macro cdp_collectors() %}
    {%- set collectors = {
        "segment": {
            "tables": ["tracks", "identifies", "pages", "screens", "groups", "aliases"],
            "kinds": ["events"],
            "keys": ["event_tables"],
            "expiry": {"id": ["id", "message_id"], "at": ["timestamp", "original_timestamp"]},
        },
        "rudderstack": {
            "tables": ["tracks", "identifies", "pages", "screens", "groups", "aliases"],
            "kinds": ["events"],
            "keys": ["event_tables"],
            "expiry": {"id": ["id", "message_id"], "at": ["timestamp", "original_timestamp"]},
        },
        "jitsu": {
            "tables": ["events"],
            "kinds": ["events"],
            "expiry": {"id": ["message_id"], "at": ["timestamp"]},
        },
        "snowplow": {
            "tables": ["events"],
            "kinds": ["events"],
            "expiry": {"id": ["event_id"], "at": ["derived_tstamp", "collector_tstamp"]},
        },
        "ga4": {
            "tables": ["events"],
            "kinds": ["events"],
            "reread_hours": 96,
        },
        "amplitude": {
            "tables": ["event"],
            "kinds": ["events"],
            "expiry": {"id": ["uuid"], "at": ["event_time", "client_event_time"]},
        },
        "mixpanel": {
            "tables": ["mp_master_event"],
            "kinds": ["events"],
            "expiry": {"id": [], "at": ["time"]},
        },
        "salesforce": {
            "tables": ["contact", "lead", "account"],
            "kinds": ["records"],
            "identifier_type": "crm_id",
            "attributes": [
                "first_name", "last_name", "company", "job_title", "industry", "company_size", "country", "crm_account_id",
                "company_domain", "lead_status"
            ],
        },
        "hubspot": {
            "tables": ["contact", "company"],
            "kinds": ["records"],
            "identifier_type": "crm_id",
            "attributes": [
                "first_name", "last_name", "company", "job_title", "industry", "company_size", "country", "crm_account_id",
                "company_domain", "lifecycle_stage"
            ],
        },
        "stripe": {
            "tables": ["customer", "subscription", "subscription_item", "price", "plan", "product", "invoice"],
            "kinds": ["events", "records"],
            "identifier_type": "billing_id",
            "attributes": ["name", "country", "plan", "subscription_status", "total_paid", "currency"],
            "reread_hours": 24,
        },
        "zendesk": {
            "tables": ["user", "organization", "ticket"],
            "kinds": ["events", "records"],
            "identifier_type": "support_id",
            "attributes": ["name", "company"],
        },
        "mailchimp": {
            "tables": ["member", "list", "campaign_recipient_activity", "automation_recipient_activity"],
            "kinds": ["events", "records"],
            "attributes": ["first_name", "last_name", "email_status"],
            "reread_hours": 24,
        },
    } -%}
    {%- set defaults = {"identifier_type": none, "attributes": [], "reread_hours": 3, "expiry": none, "keys": []} -%}
    {%- for name, collector in collectors.items() -%}
        {%- do collectors.update({name: dict(defaults, **collector)}) -%}
    {%- endfor -%}
    {{- return(collectors) -}}
{% endmacro %}


{# The entries of cdp_sources that use one of them. #}
{% macro cdp_sources_of(collector) %}
    {{- return(cdp.cdp_sources() | selectattr("collector", "equalto", collector) | list) -}}
{% endmacro %}


{# Whether any entry of cdp_sources uses it, without a check of the list: see cdp_is_on. #}
{% macro cdp_has_collector(collector) %}
    {{- return(collector in cdp.cdp_list_var("cdp_sources") | selectattr("collector", "defined") | map(attribute="collector") | list) -}}
{% endmacro %}


{# The collectors in use whose tables give events, or records. #}
{% macro cdp_used_collectors(kind) %}
    {{- return(
        cdp.cdp_sources(kind) | selectattr("tables", "defined") | map(attribute="collector") | unique | list
    ) -}}
{% endmacro %}
