{# What people can consent to, the var cdp_consent, checked: by the name of a purpose, the list of where people say it. A purpose is one
   of these, or a list of them:
     a SQL condition over the columns of cdp__user_profiles
     event    a name or a list; with
       granted      SQL over an event's columns, properties.x and traits.x
     model    the name of a model of yours, a row for each statement; with
       granted      SQL over its columns
       said_at      SQL of when it was said; without it, its rows have no time
       identifiers  by type, SQL of an identifier of the person; by default its canonical_id
   What `granted` may give, and what it means, says cdp_is_granted.

   Each result has `kind` (event, model or profile), `name` (of the event or the model; empty for the profile), `granted` and `place`,
   which errors name; those of models `said_at` and `identifiers` besides. #}
{% macro cdp_consent() %}
    {%- set given = cdp.cdp_mapping_var("cdp_consent") -%}
    {%- if given is not mapping -%}
        {%- do exceptions.raise_compiler_error("var cdp_consent: expected purposes, and where people say them, got: " ~ given) -%}
    {%- endif -%}
    {%- set consent = {} -%}
    {%- for purpose, entries in given.items() -%}
        {%- set place = "cdp_consent, purpose '" ~ purpose ~ "'" -%}
        {%- do cdp.cdp_check_name(purpose, place) -%}
        {%- set is_list = entries is sequence and entries is not string and entries is not mapping -%}
        {%- set statements = [] -%}
        {%- for entry in (entries if is_list else [entries]) -%}
            {%- do statements.extend(cdp.cdp_consent_statements(entry, place ~ (", number " ~ loop.index if is_list else ""))) -%}
        {%- else -%}
            {%- do exceptions.raise_compiler_error(place ~ ": nothing says who has consented; the list is empty.") -%}
        {%- endfor -%}
        {%- do consent.update({purpose: statements}) -%}
    {%- endfor -%}
    {{- return(consent) -}}
{% endmacro %}


{# All statements of a kind, each with its `purpose`. #}
{% macro cdp_consent_by(kind) %}
    {%- set found = [] -%}
    {%- for purpose, statements in cdp.cdp_consent().items() -%}
        {%- for statement in statements if statement.kind == kind -%}
            {%- do found.append(dict(statement, purpose=purpose)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(found) -}}
{% endmacro %}


{# What one entry gives: of a list of events a statement each. #}
{% macro cdp_consent_statements(entry, place) %}
    {%- if entry is string and entry | trim -%}
        {{- return([{"kind": "profile", "name": "", "granted": entry, "place": place}]) -}}
    {%- elif entry is not mapping -%}
        {%- do exceptions.raise_compiler_error(
            place ~ ": expected a SQL condition over the columns of user_profiles, or keys (event or model, and granted), got: " ~ entry
        ) -%}
    {%- endif -%}
    {%- set kind = cdp.cdp_check_one_of(entry, place, ["event", "model"]) -%}
    {%- if kind == "event" -%}
        {%- do cdp.cdp_check_keys(entry, place, ["event", "granted"]) -%}
    {%- else -%}
        {%- do cdp.cdp_check_keys(entry, place, ["model", "granted"], ["said_at", "identifiers"]) -%}
    {%- endif -%}
    {# What YAML reads as true or false is that in SQL, too. #}
    {%- set granted = entry.granted | string | lower if entry.granted is boolean else entry.granted -%}
    {%- do cdp.cdp_check_sql(granted, place ~ ", granted") -%}
    {%- set statement = {"kind": kind, "granted": granted, "place": place} -%}
    {%- if kind == "model" -%}
        {{- return([dict(statement, **cdp.cdp_consent_model(entry, place))]) -}}
    {%- endif -%}
    {%- set statements = [] -%}
    {%- for name in cdp.cdp_event_names(entry, place) -%}
        {%- do statements.append(dict(statement, name=name)) -%}
    {%- endfor -%}
    {{- return(statements) -}}
{% endmacro %}


{# What is said of a model, with what is left out. #}
{% macro cdp_consent_model(entry, place) %}
    {%- if entry.model is not string -%}
        {%- do exceptions.raise_compiler_error(place ~ ": model must be the name of a model of yours, got: " ~ entry.model) -%}
    {%- endif -%}
    {%- set identifiers = entry.get("identifiers", {"canonical_id": "canonical_id"}) -%}
    {%- set types = ["canonical_id"] + cdp.cdp_identifier_types() | map(attribute="name") | list -%}
    {%- do cdp.cdp_check_keys(identifiers, place ~ ", identifiers", [], types) -%}
    {%- if not identifiers -%}
        {%- do exceptions.raise_compiler_error(place ~ ", identifiers: give at least one of " ~ types | join(", ") ~ ".") -%}
    {%- endif -%}
    {%- for type, sql in identifiers.items() -%}
        {%- do cdp.cdp_check_sql(sql, place ~ ", identifiers, " ~ type) -%}
    {%- endfor -%}
    {%- if "said_at" in entry -%}
        {%- do cdp.cdp_check_sql(entry.said_at, place ~ ", said_at") -%}
    {%- endif -%}
    {{- return({"name": entry.model, "said_at": entry.get("said_at", "null"), "identifiers": identifiers}) -}}
{% endmacro %}
