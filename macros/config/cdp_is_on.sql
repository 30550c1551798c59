{# Whether the package has anything to do: it stays out of every build until cdp_sources is set. Every model asks, so that the
   list is not checked here; the models that read it do that. #}
{% macro cdp_is_on() %}
    {{- return(cdp.cdp_list_var("cdp_sources") | length > 0) -}}
{% endmacro %}
