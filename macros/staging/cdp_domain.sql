{# The domain of a web site's address, in lower case: of https://www.Acme.example/en it is acme.example; null if there is none. #}
{% macro cdp_domain(address) %}
    {%- set host = cdp.cdp_regexp_replace("lower(" ~ cdp.cdp_trim(address) ~ ")", "^([a-z]+://)?(www[.])?|[/?#:].*$", "") -%}
    {{- return("nullif(" ~ host ~ ", '')") -}}
{% endmacro %}
