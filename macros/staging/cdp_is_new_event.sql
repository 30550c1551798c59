{# A condition on stg_cdp__events that keeps, besides some that are known already, every event that
   raw_events has not read: of sources that say when a row was loaded, the rows loaded since (and three
   hours before, or what the collector needs, as not every loader commits in order; `cdp load` does); of others, all. #}
{% macro cdp_is_new_event() %}
    {%- set sources = cdp.cdp_sources("events") -%}
    {%- set conditions = [] -%}
    {%- set starts = [] -%}
    {%- if cdp.cdp_is_incremental() -%}
        {%- set loaded = {} -%}
        {%- set query = "select source, cast(max(loaded_at) as " ~ dbt.type_string() ~ ") from " ~ this ~ " group by source" -%}
        {%- for row in run_query(query).rows if row[1] -%}
            {%- do loaded.update({row[0]: row[1]}) -%}
        {%- endfor -%}
        {%- for source in sources if source.name in loaded -%}
            {%- set since = cdp.cdp_timestamp_add(
                "cast('" ~ loaded[source.name] ~ "' as " ~ dbt.type_timestamp() ~ ")",
                0 if source.collector == "cdp" else -source.get("reread_hours", 3), "hour"
            ) -%}
            {%- if "collector" in source or "loaded_at" in source.columns -%}
                {%- do starts.append(since) -%}
                {%- do conditions.append("(source = '" ~ source.name ~ "' and coalesce(loaded_at <= " ~ since ~ ", false))") -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if not conditions -%}
        {{- return("1 = 1") -}}
    {%- endif -%}
    {%- set is_new = "not (" ~ conditions | join(" or ") ~ ")" -%}
    {%- if starts | length < sources | length -%}
        {{- return(is_new) -}}
    {%- endif -%}
    {#- What follows from that, in a form by which a table in parts of loaded_at is read in part. -#}
    {%- set since = "least(" ~ starts | join(", ") ~ ")" if starts | length > 1 else starts[0] -%}
    {{- return(is_new ~ " and (loaded_at > " ~ since ~ " or loaded_at is null)") -}}
{% endmacro %}
