{# The attributes of a person, in order: those read from the traits of events, then whatever the record
   sources map besides. #}
{% macro cdp_attributes() %}
    {%- set names = cdp.cdp_event_attributes() -%}
    {%- for name in cdp.cdp_record_attributes() if name not in names -%}
        {%- do names.append(name) -%}
    {%- endfor -%}
    {{- return(names) -}}
{% endmacro %}

{# The attributes that are read from an event's traits: those below, and those of the var cdp_attributes with a `trait`. #}
{% macro cdp_event_attributes() %}
    {%- set names = [
        "name", "first_name", "last_name", "company", "job_title", "industry", "company_size", "country", "plan"
    ] -%}
    {%- for entry in cdp.cdp_list_var("cdp_attributes") if entry is mapping and entry.trait and entry.name not in names -%}
        {%- do names.append(entry.name) -%}
    {%- endfor -%}
    {{- return(names) -}}
{% endmacro %}

{# The attributes that any record source maps, or that come with its collector. #}
{% macro cdp_record_attributes() %}
    {%- set names = [] -%}
    {%- for source in cdp.cdp_sources("records") -%}
        {%- for name in source.get("attributes") or {} if name not in names -%}
            {%- do names.append(name) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(names) -}}
{% endmacro %}
