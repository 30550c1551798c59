{# The one moment a run calls now, as a timestamp literal in UTC: var cdp_as_of (ISO date or timestamp)
   or the start of the run. Windows of traits end with the day before it. #}
{% macro cdp_as_of() %}
    {%- set moment = var("cdp_as_of", none) or run_started_at.strftime("%Y-%m-%d %H:%M:%S.%f") -%}
    {%- if not modules.re.match("^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])([ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]+)?)?)?$", moment | string) -%}
        {%- do exceptions.raise_compiler_error("var cdp_as_of: expected a date or a timestamp in UTC such as 2026-06-30 or 2026-06-30 12:00:00, got: " ~ moment) -%}
    {%- endif -%}
    {{- return("cast('" ~ moment ~ "' as " ~ dbt.type_timestamp() ~ ")") -}}
{% endmacro %}
