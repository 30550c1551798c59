{# The var cdp_erasure, checked: what an erasure may do besides what the tables say for themselves.
     source_tables  names of entries of cdp_sources: the person's rows are deleted from the tables that a collector or the loader of
                    a business system writes, see cdp_origins
   Raises a compiler error that names what may be given for anything it does not understand. #}
{% macro cdp_erasure() %}
    {%- set settings = cdp.cdp_mapping_var("cdp_erasure") -%}
    {%- do cdp.cdp_check_keys(settings, "cdp_erasure", [], ["source_tables"]) -%}
    {%- set permitted = settings.source_tables or [] -%}
    {%- if permitted is string or permitted is mapping or permitted is not sequence -%}
        {%- do exceptions.raise_compiler_error(
            "cdp_erasure: source_tables must be a list of names of cdp_sources, got: " ~ permitted
        ) -%}
    {%- endif -%}
    {%- set allowed = [] -%}
    {%- for entry in cdp.cdp_sources() if entry.collector and cdp.cdp_origin_tables(entry) -%}
        {%- do allowed.append(entry.name) -%}
    {%- endfor -%}
    {%- for name in permitted if name not in allowed -%}
        {%- do exceptions.raise_compiler_error(
            "cdp_erasure, source_tables: '" ~ name ~ "' is no source with tables of its own to delete from."
            ~ cdp.cdp_did_you_mean(name, allowed) ~ " There are: " ~ (allowed | join(", ") or "none") ~ "."
        ) -%}
    {%- endfor -%}
    {{- return({"source_tables": permitted}) -}}
{% endmacro %}
