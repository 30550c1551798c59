{# A condition, with `and` before it, that leaves out no row which is wanted anyway: a column (`kind`: timestamp or date) lies in one of
   the days that a query names in its column `day`, as texts YYYY-MM-DD. It is nothing but where an engine leaves parts of a
   table unread for the sake of constants alone: there the days are asked first, and DuckDB leaves unread what it has stored together. #}
{% macro cdp_within_days(column, days, kind="timestamp") %}
    {{- return(adapter.dispatch('cdp_within_days', 'cdp')(column, days, kind)) -}}
{% endmacro %}

{% macro default__cdp_within_days(column, days, kind) %}
    {{- return("") -}}
{% endmacro %}

{% macro bigquery__cdp_within_days(column, days, kind) %}
    {{- return(cdp.cdp_within_spans(column, days, kind)) -}}
{% endmacro %}

{% macro duckdb__cdp_within_days(column, days, kind) %}
    {{- return(cdp.cdp_within_spans(column, days, kind)) -}}
{% endmacro %}


{# The days of groups are those of the project's time zone, and so is midnight where none is named. Of more days a history is
   read anyway, and the text of a query has a limit. #}
{% macro cdp_within_spans(column, days, kind) %}
    {%- if not cdp.cdp_can_ask() -%}
        {{- return("") -}}
    {%- endif -%}
    {%- set limit = 1000 -%}
    {%- set query = "select distinct day from (" ~ days ~ ") as days limit " ~ (limit + 1) -%}
    {%- set found = run_query(query).columns[0].values() | list -%}
    {%- if found | length > limit -%}
        {{- return("") -}}
    {%- endif -%}
    {%- set spans = [] -%}
    {%- for day in found | sort -%}
        {%- set first = modules.datetime.date.fromisoformat(day) -%}
        {%- set next = first + modules.datetime.timedelta(days=1) -%}
        {%- if spans and spans[-1].until == first -%}
            {%- do spans[-1].update(until=next) -%}
        {%- else -%}
            {%- do spans.append({"since": first, "until": next}) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set conditions = [] -%}
    {%- for span in spans -%}
        {%- do conditions.append(
            "(" ~ column ~ " >= " ~ kind ~ " '" ~ span.since ~ "' and " ~ column ~ " < " ~ kind ~ " '" ~ span.until ~ "')"
        ) -%}
    {%- endfor -%}
    {{- return("and (" ~ (conditions | join(" or ") or "false") ~ ")") -}}
{% endmacro %}
