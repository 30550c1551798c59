{# The number of this build: microseconds since 1970 at its start. Rows carry the number of the build
   that wrote them, and a later model takes the rows above the highest number it has worked off. #}
{% macro cdp_batch_id() %}
    {{- return("cast(" ~ (run_started_at.timestamp() * 1000000) | int ~ " as " ~ dbt.type_bigint() ~ ")") -}}
{% endmacro %}
