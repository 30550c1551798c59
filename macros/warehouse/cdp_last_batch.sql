{# The highest batch_id in the model's own table, as a literal; -1 where nothing has been built yet.
   Upstream rows with a higher one are what the model has not worked off. A literal and not a subquery,
   so that the engine can skip what it does not need to read. #}
{% macro cdp_last_batch() %}
    {%- if cdp.cdp_is_incremental() -%}
        {%- set result = run_query("select max(batch_id) from " ~ this) -%}
        {{- return(result.columns[0].values()[0] | default(-1, true)) -}}
    {%- endif -%}
    {{- return(-1) -}}
{% endmacro %}
