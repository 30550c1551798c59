{# The highest batch_id in the model's own table, as a literal; -1 where nothing has been built yet.
   Upstream rows with a higher one are what the model has not worked off. A literal and not a subquery,
   so that the engine can skip what it does not need to read.
   Raises a compiler error when the table is from the future: under a clock that was set back, what a build
   writes would be taken for worked off already. #}
{% macro cdp_last_batch() %}
    {%- if not cdp.cdp_is_incremental() -%}
        {{- return(-1) -}}
    {%- endif -%}
    {%- set last = run_query("select max(batch_id) from " ~ this).columns[0].values()[0] | default(-1, true) | int -%}
    {%- set now = (run_started_at.timestamp() * 1000000) | int -%}
    {%- if last > now -%}
        {%- do exceptions.raise_compiler_error(
            this ~ " was built " ~ (last - now) // 1000000 ~ " seconds in the future of this machine's clock, "
            ~ run_started_at ~ ". Set the clock right, or wait until it has passed that time."
        ) -%}
    {%- endif -%}
    {{- return(last) -}}
{% endmacro %}
