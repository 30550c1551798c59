{# The condition that a day of activity lies in a trait's window: whole UTC days that end before cdp_as_of. #}
{% macro cdp_trait_window(trait) %}
    {%- if "last_days" not in trait -%}
        {{- return("activity_date < " ~ cdp.cdp_as_of_date(1)) -}}
    {%- endif -%}
    {%- set offset = trait.get("offset_days", 0) -%}
    {{- return(
        "activity_date >= " ~ cdp.cdp_as_of_date(-trait.last_days - offset)
        ~ " and activity_date < " ~ cdp.cdp_as_of_date(-offset)
    ) -}}
{% endmacro %}


{# The UTC day of cdp_as_of plus a number of days, as a literal. #}
{% macro cdp_as_of_date(days) %}
    {%- set text = modules.re.search("[0-9]{4}-[0-9]{2}-[0-9]{2}", cdp.cdp_as_of()).group() -%}
    {%- set day = modules.datetime.datetime.strptime(text, "%Y-%m-%d") + modules.datetime.timedelta(days=days) -%}
    {{- return("cast('" ~ day.strftime("%Y-%m-%d") ~ "' as date)") -}}
{% endmacro %}
