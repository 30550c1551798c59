{# What the values of one attribute of one person are ordered by, so that the first survives: as cdp_survivorship says,
   then the one said last. The columns are attribute, attribute_value, source, first_said_at, said_at and times_said. #}
{% macro cdp_survival_order() %}
    {%- set ranks = {
        "first": "first_said_at",
        "most_frequent": "-times_said",
        "longest": "-length(attribute_value)",
    } -%}
    {%- set terms = [] -%}
    {%- for entry in cdp.cdp_survivorship().values() if entry.get("survivorship", "most_recent") != "most_recent" -%}
        {%- if entry.survivorship == "source_priority" -%}
            {%- set places = [] -%}
            {%- for source in entry.sources -%}
                {%- do places.append(" when '" ~ source ~ "' then " ~ loop.index) -%}
            {%- endfor -%}
            {%- set rank = "case source" ~ places | join ~ " end" -%}
        {%- else -%}
            {%- set rank = ranks[entry.survivorship] -%}
        {%- endif -%}
        {%- do terms.append("case when attribute = '" ~ entry.name ~ "' then " ~ rank ~ " end asc nulls last") -%}
    {%- endfor -%}
    {{- return((terms + ["said_at desc nulls last", "source asc", "attribute_value asc"]) | join(",\n            ")) -}}
{% endmacro %}
