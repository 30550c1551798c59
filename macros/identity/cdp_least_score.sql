{# A pair that scores less is no candidate of any match rule. #}
{% macro cdp_least_score() %}
    {{- return("0.2") -}}
{% endmacro %}
