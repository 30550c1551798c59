{# The event types that an entry names under `event`, a name or a list of names; none where it has no such key. #}
{% macro cdp_event_names(entry, where) %}
    {%- set names = [entry.event] if entry.event is string else entry.get("event", []) -%}
    {%- if names is mapping or names is not sequence or names | select("string") | list | length != names | length -%}
        {%- do exceptions.raise_compiler_error(where ~ ": event must be a name or a list of names, got: " ~ entry.event) -%}
    {%- endif -%}
    {{- return(names) -}}
{% endmacro %}
