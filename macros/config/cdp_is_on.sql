{# Whether the package has anything to do: it stays out of every build until cdp_sources is set. #}
{% macro cdp_is_on() %}
    {{- return(cdp.cdp_sources() | length > 0) -}}
{% endmacro %}
