{# What the var cdp_attributes says of attributes: name -> an entry with `trait`, the key among an event's traits that it is read
   from, or `survivorship`, how the value is chosen where several were said, or both. Survivorship is one of
     most_recent      the value said last (what attributes that are not listed do)
     first            the value said first
     most_frequent    the value said most often
     longest          the longest value
     source_priority  the value of the first of `sources` that has one
   Ties go to the value said last. A name that is no attribute yet becomes one with a `trait`. #}
{% macro cdp_survivorship() %}
    {%- set strategies = ["most_recent", "first", "most_frequent", "longest", "source_priority"] -%}
    {%- set sources = cdp.cdp_sources("events") + cdp.cdp_sources("records") -%}
    {%- set names = sources | map(attribute="name") | list -%}
    {%- set found = {} -%}
    {%- for entry in cdp.cdp_list_var("cdp_attributes") -%}
        {%- set where = "cdp_attributes, attribute '" ~ (entry.name if entry is mapping and entry.name else "number " ~ loop.index) ~ "'" -%}
        {%- do cdp.cdp_check_keys(entry, where, ["name"], ["trait", "survivorship", "sources"]) -%}
        {%- if "trait" in entry -%}
            {%- do cdp.cdp_check_name(entry.name, where) -%}
            {%- if entry.name in cdp.cdp_profile_columns() -%}
                {%- do exceptions.raise_compiler_error(where ~ ": the profile has a column of that name already.") -%}
            {%- elif not modules.re.match("^[A-Za-z0-9_ -]+$", entry.trait | string) -%}
                {%- do exceptions.raise_compiler_error(where ~ ": trait must be a key of an event's traits, got: " ~ entry.trait) -%}
            {%- endif -%}
        {%- elif "survivorship" not in entry -%}
            {%- do exceptions.raise_compiler_error(where ~ ": give trait, survivorship or both.") -%}
        {%- endif -%}
        {%- do cdp.cdp_check_choice(entry, where, "name", cdp.cdp_attributes()) -%}
        {%- do cdp.cdp_check_choice(entry, where, "survivorship", strategies) -%}
        {%- if entry.name in found -%}
            {%- do exceptions.raise_compiler_error(where ~ ": the attribute is listed twice.") -%}
        {%- endif -%}
        {%- if (entry.survivorship == "source_priority") != ("sources" in entry) -%}
            {%- do exceptions.raise_compiler_error(where ~ ": source_priority and sources need each other.") -%}
        {%- endif -%}
        {%- for source in entry.get("sources", []) if source not in names -%}
            {%- do exceptions.raise_compiler_error(
                where ~ ": sources must name entries of cdp_sources (" ~ names | join(", ") ~ "), got: " ~ source
            ) -%}
        {%- endfor -%}
        {%- do found.update({entry.name: entry}) -%}
    {%- endfor -%}
    {{- return(found) -}}
{% endmacro %}
