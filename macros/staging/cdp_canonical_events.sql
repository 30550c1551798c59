{# A query that brings events into the canonical shape: every column of cdp_event_columns, has_timestamp, source and content_hash.

     relation       has the column `source`, and whatever the expressions read
     columns        canonical column -> SQL expression of its type; what is not mapped is null
     source         SQL expression of the entry's name
     content        SQL text expressions that tell one event from another; by default all that are mapped but loaded_at
     has_timestamp  SQL condition: whether there is a time, be it one that cannot be read
     version_at     SQL timestamp of what the system says of the event now, where that may change and the newest counts: among
                    versions received at one time raw_events takes the least content_hash, and the newer one has the lesser #}
{% macro cdp_canonical_events(relation, columns, source="source", content=none, has_timestamp=none, version_at=none) %}
    {%- set canonical = cdp.cdp_event_columns() -%}
    {%- set told = [] -%}
    {%- for column in columns -%}
        {%- if column not in canonical -%}
            {%- do exceptions.raise_compiler_error("cdp_canonical_events: '" ~ column ~ "' is no column of an event.") -%}
        {%- elif column != "loaded_at" -%}
            {%- do told.append("cast(" ~ columns[column] ~ " as " ~ dbt.type_string() ~ ")") -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set content_hash = cdp.cdp_hash_key([source] + (content or told)) -%}
    {%- if version_at -%}
        {%- set content_hash = dbt.concat([cdp.cdp_newest_first(version_at), "'-'", content_hash]) -%}
    {%- endif -%}
    select
        {%- for column, kind in canonical.items() %}
        {{ columns.get(column) or "cast(null as " ~ cdp.cdp_type(kind) ~ ")" }} as {{ column }},
        {%- endfor %}
        {{ has_timestamp or "(" ~ columns.timestamp ~ ") is not null" }} as has_timestamp,
        {{ source }} as source,
        {{ content_hash }} as content_hash

    from {{ relation }}
{%- endmacro %}
