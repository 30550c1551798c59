{# The path of a page's address, without query and fragment: of https://acme.example/en?x=1 it is /en, of a bare domain /; null of what is
   no address. #}
{% macro cdp_url_path(url) %}
    {%- set path = cdp.cdp_regexp_replace(url, "^[A-Za-z0-9+.-]+://[^/?#]*|[?#].*$", "") -%}
    {{- return("case when " ~ url ~ " like '%://%' then coalesce(nullif(" ~ path ~ ", ''), '/') end") -}}
{% endmacro %}
