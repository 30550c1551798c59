{# The var cdp_retention, checked: for how long events are kept. Empty where it is not set, and nothing expires; else
     default  what holds of the sources that `sources` does not name, those of before among them
     sources  name of an entry of cdp_sources that gives events -> what holds of it
   each a mapping of
     months         for so many months before today, whole days of UTC
     archive        the folder, or the address of a bucket, that expired events are written to as Parquet; none to delete them
     source_tables  whether they are deleted from the collector's own tables, too
   Raises a compiler error that names the source and the key for anything it does not understand. #}
{% macro cdp_retention() %}
    {%- set settings = cdp.cdp_mapping_var("cdp_retention") -%}
    {%- if not settings -%}
        {{- return({}) -}}
    {%- endif -%}
    {%- do cdp.cdp_check_keys(settings, "cdp_retention", ["raw_events_months"], ["archive", "sources"]) -%}
    {%- set default = {
        "months": cdp.cdp_retention_months(settings.raw_events_months, "cdp_retention"),
        "archive": cdp.cdp_archive_address(settings.archive, "cdp_retention"),
        "source_tables": false,
    } -%}
    {%- set entries = cdp.cdp_sources("events") -%}
    {%- set own = settings.get("sources") or {} -%}
    {%- do cdp.cdp_check_keys(own, "cdp_retention, sources", [], entries | map(attribute="name") | list) -%}
    {%- set sources = {} -%}
    {%- for entry in entries -%}
        {%- do sources.update({
            entry.name: cdp.cdp_retention_of_source(own[entry.name], default, entry) if entry.name in own else default
        }) -%}
    {%- endfor -%}
    {{- return({"default": default, "sources": sources}) -}}
{% endmacro %}


{# What holds of one source: what is said of it, else of all. #}
{% macro cdp_retention_of_source(own, default, entry) %}
    {%- set where = "cdp_retention, source '" ~ entry.name ~ "'" -%}
    {%- do cdp.cdp_check_keys(own, where, [], ["raw_events_months", "archive", "source_tables"]) -%}
    {%- set result = dict(default) -%}
    {%- if "raw_events_months" in own -%}
        {%- do result.update({"months": cdp.cdp_retention_months(own.raw_events_months, where)}) -%}
    {%- endif -%}
    {%- if "archive" in own -%}
        {%- do result.update({"archive": cdp.cdp_archive_address(own.archive, where)}) -%}
    {%- endif -%}
    {%- if "source_tables" in own -%}
        {%- do cdp.cdp_check_source_tables(own.source_tables, where, entry) -%}
        {%- do result.update({"source_tables": own.source_tables}) -%}
    {%- endif -%}
    {{- return(result) -}}
{% endmacro %}


{% macro cdp_retention_months(months, where) %}
    {%- if months is not integer or months is boolean or months < 1 -%}
        {%- do exceptions.raise_compiler_error(
            where ~ ": raw_events_months must be a whole number of months, 13 to 25 as a rule, got: " ~ months
        ) -%}
    {%- endif -%}
    {{- return(months) -}}
{% endmacro %}


{% macro cdp_archive_address(archive, where) %}
    {%- if archive is none or archive is undefined or archive == "none" -%}
        {{- return(none) -}}
    {%- endif -%}
    {%- if archive is not string -%}
        {%- do exceptions.raise_compiler_error(
            where ~ ": archive must be a folder, gs://..., s3://... or none, got: " ~ archive
        ) -%}
    {%- endif -%}
    {{- return(archive) -}}
{% endmacro %}


{% macro cdp_check_source_tables(wanted, where, entry) %}
    {%- if wanted is not boolean -%}
        {%- do exceptions.raise_compiler_error(where ~ ": source_tables must be true or false, got: " ~ wanted) -%}
    {%- elif wanted and not entry.get("expiry") -%}
        {%- do exceptions.raise_compiler_error(
            where ~ ": source_tables is for collectors that write a row an event: "
            ~ cdp.cdp_collectors().items() | selectattr("1.expiry") | map("first") | join(", ") ~ "."
        ) -%}
    {%- endif -%}
{% endmacro %}
