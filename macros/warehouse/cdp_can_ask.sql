{# Whether a model may ask the warehouse something while it is compiled: not in parsing, not under --no-introspect, and not in a unit
   test, whose tables are CTEs. #}
{% macro cdp_can_ask() %}
    {{- return(execute and flags.INTROSPECT and model.resource_type != "unit_test") -}}
{% endmacro %}
