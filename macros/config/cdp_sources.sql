{# The var cdp_sources, checked. Every entry gets `kinds`, a list of what it gives: events, records or both; an entry of
   a collector whose own tables are read gets what cdp_collectors says of it.
   Raises a compiler error that names the source and the key for anything it does not understand. #}
{% macro cdp_sources(kind=none) %}
    {%- set result = [] -%}
    {%- set names = [] -%}
    {%- set record_sources = [] -%}
    {%- set collectors = cdp.cdp_collectors() -%}
    {%- for entry in cdp.cdp_list_var("cdp_sources") -%}
        {%- set where = "cdp_sources, source '" ~ (entry.name if entry is mapping and entry.name else "number " ~ loop.index) ~ "'" -%}
        {%- if entry is not mapping or "name" not in entry -%}
            {%- do exceptions.raise_compiler_error(
                where ~ ": missing key 'name'. Allowed keys: name, and those of a collector, of events or of records."
            ) -%}
        {%- endif -%}
        {%- do cdp.cdp_check_name(entry.name, where, names) -%}
        {%- do names.append(entry.name) -%}
        {%- set source = cdp.cdp_read_source(entry, where, collectors) -%}
        {%- if "records" in source.kinds and source.identifier_type -%}
            {%- do cdp.cdp_check_record_ids(source, where, record_sources) -%}
            {%- do record_sources.append(source) -%}
        {%- endif -%}
        {%- if kind is none or kind in source.kinds -%}
            {%- do result.append(source) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(result) -}}
{% endmacro %}


{# One entry, checked, with its kinds. #}
{% macro cdp_read_source(entry, where, collectors) %}
    {%- set origins = ["collector", "events", "records"] | select("in", entry) | list -%}
    {%- if origins | length != 1 -%}
        {%- do exceptions.raise_compiler_error(
            where ~ ": give exactly one of collector, events, records; got "
            ~ (origins | join(" and ") if origins else "none, with the keys " ~ entry.keys() | join(", ")) ~ "."
        ) -%}
    {%- endif -%}
    {%- if "events" in entry -%}
        {%- do cdp.cdp_check_event_source(entry, where) -%}
        {{- return(dict(entry, kinds=["events"])) -}}
    {%- elif "records" in entry -%}
        {%- do cdp.cdp_check_record_source(entry, where) -%}
        {{- return(dict(entry, kinds=["records"])) -}}
    {%- elif entry.collector != "cdp" -%}
        {{- return(cdp.cdp_read_collector_source(entry, where, collectors)) -}}
    {%- elif "record_id" in entry -%}
        {%- do cdp.cdp_check_record_source(entry, where) -%}
        {{- return(dict(entry, kinds=["records"])) -}}
    {%- endif -%}
    {%- do cdp.cdp_check_keys(entry, where, ["name", "collector"]) -%}
    {{- return(dict(entry, kinds=["events"])) -}}
{% endmacro %}


{# An entry whose collector's own tables are read. #}
{% macro cdp_read_collector_source(entry, where, collectors) %}
    {%- if entry.collector not in collectors -%}
        {%- do exceptions.raise_compiler_error(
            where ~ ": unknown collector '" ~ entry.collector ~ "'. Known collectors: cdp, " ~ collectors.keys() | join(", ") ~ "."
        ) -%}
    {%- endif -%}
    {%- set collector = collectors[entry.collector] -%}
    {%- set optional = collector["keys"] + (["identifier_type"] if collector.identifier_type else []) -%}
    {%- do cdp.cdp_check_keys(entry, where, ["name", "collector", "source"], optional) -%}
    {%- if entry.identifier_type -%}
        {%- do cdp.cdp_check_record_type(entry, where) -%}
    {%- endif -%}
    {%- set tables = entry.get("event_tables") or [] -%}
    {%- if tables is string or tables is mapping or tables is not sequence -%}
        {%- do exceptions.raise_compiler_error(where ~ ": event_tables must be a list of tables, got: " ~ tables) -%}
    {%- endif -%}
    {{- return(dict(
        entry,
        kinds=collector.kinds,
        tables=collector.tables,
        identifier_type=entry.identifier_type or collector.identifier_type,
        attributes=collector.attributes,
        reread_hours=collector.reread_hours,
        expiry=collector.expiry
    )) -}}
{% endmacro %}


{# Stops the run where records of two systems would be one person's because their ids happen to be equal. Ids of different
   business systems that the package knows have different forms. #}
{% macro cdp_check_record_ids(source, where, others) %}
    {%- for other in others if other.identifier_type == source.identifier_type -%}
        {%- if "tables" not in source or "tables" not in other or source.collector == other.collector -%}
            {%- do exceptions.raise_compiler_error(
                where ~ ": '" ~ other.name ~ "' has the identifier_type '" ~ source.identifier_type
                ~ "' too, and equal ids of two systems would make one person of two. Give one of them a type of its own, "
                ~ "added in cdp_identifiers."
            ) -%}
        {%- endif -%}
    {%- endfor -%}
{% endmacro %}


{% macro cdp_check_event_source(entry, where) %}
    {%- do cdp.cdp_check_keys(entry, where, ["name", "events", "columns"]) -%}
    {%- do cdp.cdp_check_keys(
        entry.columns, where ~ ", columns", ["timestamp"], cdp.cdp_event_columns().keys() | reject("equalto", "timestamp") | list
    ) -%}
    {%- if not cdp.cdp_event_identifiers() | select("in", entry.columns) | list -%}
        {%- do exceptions.raise_compiler_error(
            where ~ ", columns: map at least one of " ~ cdp.cdp_event_identifiers() | join(", ") ~ "; "
            ~ "an event that names nobody belongs to nobody."
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro cdp_check_record_source(entry, where) %}
    {%- do cdp.cdp_check_keys(
        entry, where, ["name", "collector" if "collector" in entry else "records", "record_id", "identifier_type"],
        ["updated_at", "merged_into", "identifiers", "attributes"]
    ) -%}
    {%- set types = cdp.cdp_identifier_types() | map(attribute="name") | list -%}
    {%- do cdp.cdp_check_keys(entry.get("identifiers") or {}, where ~ ", identifiers", [], types) -%}
    {%- if (entry.get("attributes") or {}) is not mapping -%}
        {%- do exceptions.raise_compiler_error(where ~ ", attributes: expected a mapping of names to fields, got: " ~ entry.attributes) -%}
    {%- endif -%}
    {%- do cdp.cdp_check_record_type(entry, where) -%}
    {%- for name in entry.get("attributes") or {} -%}
        {%- do cdp.cdp_check_name(name, where ~ ", attributes") -%}
        {%- if name in cdp.cdp_profile_columns() -%}
            {%- do exceptions.raise_compiler_error(where ~ ", attributes: the profile has a column '" ~ name ~ "' already.") -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if "collector" in entry -%}
        {%- set fields = [entry.record_id, entry.get("updated_at", "updated_at"), entry.get("merged_into", "merged_into")]
            + (entry.get("identifiers") or {}).values() | list + (entry.get("attributes") or {}).values() | list -%}
        {%- for field in fields if not modules.re.match("^[A-Za-z0-9_ -]+$", field | string) -%}
            {%- do exceptions.raise_compiler_error(
                where ~ ": '" ~ field ~ "' is not the name of a field. Records loaded by `cdp load` map field names; "
                ~ "for SQL expressions use `records:` with a model of yours."
            ) -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}


{% macro cdp_check_record_type(entry, where) %}
    {%- set types = cdp.cdp_identifier_types() | map(attribute="name") | list -%}
    {%- if entry.identifier_type not in types -%}
        {%- do exceptions.raise_compiler_error(
            where ~ ": unknown identifier_type '" ~ entry.identifier_type ~ "'. Known types: " ~ types | join(", ")
            ~ ". Add one of your own to cdp_identifiers."
        ) -%}
    {%- endif -%}
{% endmacro %}
