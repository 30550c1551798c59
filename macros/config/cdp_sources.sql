{# The var cdp_sources, checked. Every entry gets `kind`: events or records.
   Raises a compiler error that names the source and the key for anything it does not understand. #}
{% macro cdp_sources(kind=none) %}
    {%- set result = [] -%}
    {%- set names = [] -%}
    {%- set record_types = {} -%}
    {%- for entry in cdp.cdp_list_var("cdp_sources") -%}
        {%- set where = "cdp_sources, source '" ~ (entry.name if entry is mapping and entry.name else "number " ~ loop.index) ~ "'" -%}
        {%- if entry is not mapping or "name" not in entry -%}
            {%- do exceptions.raise_compiler_error(
                where ~ ": missing key 'name'. Allowed keys: name, and those of a collector, of events or of records."
            ) -%}
        {%- endif -%}
        {%- do cdp.cdp_check_name(entry.name, where, names) -%}
        {%- do names.append(entry.name) -%}
        {%- set origins = ["collector", "events", "records"] | select("in", entry) | list -%}
        {%- if origins | length != 1 -%}
            {%- do exceptions.raise_compiler_error(
                where ~ ": give exactly one of collector, events, records; got "
                ~ (origins | join(" and ") if origins else "none, with the keys " ~ entry.keys() | join(", ")) ~ "."
            ) -%}
        {%- endif -%}
        {%- if "events" in entry -%}
            {%- do cdp.cdp_check_event_source(entry, where) -%}
        {%- elif "records" in entry or "record_id" in entry -%}
            {%- do cdp.cdp_check_record_source(entry, where) -%}
        {%- else -%}
            {%- do cdp.cdp_check_keys(entry, where, ["name", "collector"]) -%}
        {%- endif -%}
        {%- if "collector" in entry and entry.collector not in ["cdp"] -%}
            {%- do exceptions.raise_compiler_error(where ~ ": unknown collector '" ~ entry.collector ~ "'. Known collectors: cdp.") -%}
        {%- endif -%}
        {%- if entry.identifier_type in record_types -%}
            {%- do exceptions.raise_compiler_error(
                where ~ ": '" ~ record_types[entry.identifier_type] ~ "' has the identifier_type '" ~ entry.identifier_type
                ~ "' too, and equal ids of two systems would make one person of two. Give one of them a type of its own, "
                ~ "added in cdp_identifiers."
            ) -%}
        {%- elif entry.identifier_type -%}
            {%- do record_types.update({entry.identifier_type: entry.name}) -%}
        {%- endif -%}
        {%- set entry_kind = "records" if "records" in entry or "record_id" in entry else "events" -%}
        {%- if kind in [none, entry_kind] -%}
            {%- do result.append(dict(entry, kind=entry_kind)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(result) -}}
{% endmacro %}


{% macro cdp_check_event_source(entry, where) %}
    {%- do cdp.cdp_check_keys(entry, where, ["name", "events", "columns"]) -%}
    {%- do cdp.cdp_check_keys(
        entry.columns, where ~ ", columns", ["timestamp"], cdp.cdp_event_columns().keys() | reject("equalto", "timestamp") | list
    ) -%}
    {%- if not cdp.cdp_event_identifiers() | select("in", entry.columns) | list -%}
        {%- do exceptions.raise_compiler_error(
            where ~ ", columns: map at least one of user_id, anonymous_id, email, phone, device_id; "
            ~ "an event that names nobody belongs to nobody."
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro cdp_check_record_source(entry, where) %}
    {%- do cdp.cdp_check_keys(
        entry, where, ["name", "collector" if "collector" in entry else "records", "record_id", "identifier_type"],
        ["updated_at", "identifiers", "attributes"]
    ) -%}
    {%- set types = cdp.cdp_identifier_types() | map(attribute="name") | list -%}
    {%- do cdp.cdp_check_keys(entry.get("identifiers") or {}, where ~ ", identifiers", [], types) -%}
    {%- if (entry.get("attributes") or {}) is not mapping -%}
        {%- do exceptions.raise_compiler_error(where ~ ", attributes: expected a mapping of names to fields, got: " ~ entry.attributes) -%}
    {%- endif -%}
    {%- if entry.identifier_type not in types -%}
        {%- do exceptions.raise_compiler_error(
            where ~ ": unknown identifier_type '" ~ entry.identifier_type ~ "'. Known types: " ~ types | join(", ")
            ~ ". Add one of your own to cdp_identifiers."
        ) -%}
    {%- endif -%}
    {%- for name in entry.get("attributes") or {} -%}
        {%- do cdp.cdp_check_name(name, where ~ ", attributes") -%}
        {%- if name in cdp.cdp_profile_columns() -%}
            {%- do exceptions.raise_compiler_error(where ~ ", attributes: the profile has a column '" ~ name ~ "' already.") -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if "collector" in entry -%}
        {%- set fields = [entry.record_id, entry.get("updated_at", "updated_at")]
            + (entry.get("identifiers") or {}).values() | list + (entry.get("attributes") or {}).values() | list -%}
        {%- for field in fields if not modules.re.match("^[A-Za-z0-9_ -]+$", field | string) -%}
            {%- do exceptions.raise_compiler_error(
                where ~ ": '" ~ field ~ "' is not the name of a field. Records loaded by `cdp load` map field names; "
                ~ "for SQL expressions use `records:` with a model of yours."
            ) -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}
