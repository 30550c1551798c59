{# The JSON path of a top-level field of that name. #}
{% macro cdp_json_path(field) %}
    {{- return('$."' ~ field ~ '"' if modules.re.search("[^A-Za-z0-9_]", field) else "$." ~ field) -}}
{% endmacro %}
