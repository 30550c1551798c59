{# The attributes of a person, in order: those read from the traits of events, then whatever the record
   sources map besides. #}
{% macro cdp_attributes() %}
    {%- set names = cdp.cdp_event_attributes() -%}
    {%- for name in cdp.cdp_record_attributes() if name not in names -%}
        {%- do names.append(name) -%}
    {%- endfor -%}
    {{- return(names) -}}
{% endmacro %}

{# The keys of an event's traits that are attributes of its person. #}
{% macro cdp_event_attributes() %}
    {{- return([
        "name", "first_name", "last_name", "company", "job_title", "industry", "company_size", "country", "plan"
    ]) -}}
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
