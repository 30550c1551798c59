{# Every match of a pattern in a string expression replaced by a literal. #}
{% macro cdp_regexp_replace(expression, pattern, replacement) %}
    {{- return(adapter.dispatch('cdp_regexp_replace', 'cdp')(expression, pattern, replacement)) -}}
{% endmacro %}

{% macro default__cdp_regexp_replace(expression, pattern, replacement) %}
    {{- "regexp_replace(" ~ expression ~ ", '" ~ pattern ~ "', '" ~ replacement ~ "', 'g')" -}}
{% endmacro %}

{% macro bigquery__cdp_regexp_replace(expression, pattern, replacement) %}
    {{- "regexp_replace(" ~ expression ~ ", r'" ~ pattern ~ "', '" ~ replacement ~ "')" -}}
{% endmacro %}

{% macro snowflake__cdp_regexp_replace(expression, pattern, replacement) %}
    {{- "regexp_replace(" ~ expression ~ ", '" ~ pattern ~ "', '" ~ replacement ~ "')" -}}
{% endmacro %}
