{# A query of the first day (UTC) of which events are kept, a row for every source of events: source and kept_since, as
   cdp_retention says. The row whose source is null holds of every other source. No row where nothing expires.

     today  SQL expression of a date; it is written once, so that it may be a parameter #}
{% macro cdp_retention_windows(today) -%}
    {%- set settings = cdp.cdp_retention() -%}
    {%- set windows = {} -%}
    {%- if settings -%}
        {%- for source, own in settings.sources.items() -%}
            {%- do windows.update({"'" ~ source ~ "'": own.months}) -%}
        {%- endfor -%}
        {%- do windows.update({"null": settings.default.months}) -%}
    {%- endif -%}
    {%- if windows -%}
    with clock as (select {{ today }} as today)
    {% endif -%}
    {%- for source, months in windows.items() %}
    select
        cast({{ source }} as {{ dbt.type_string() }}) as source,
        cast({{ dbt.dateadd("month", -months, "today") }} as date) as kept_since

    from clock
    {{ "union all" if not loop.last }}
    {%- else -%}
    {{ cdp.cdp_empty_rows({"source": "text", "kept_since": "date"}) }}
    {%- endfor %}
{%- endmacro %}
