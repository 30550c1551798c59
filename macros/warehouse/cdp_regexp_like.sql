{# Whether a string expression has a match of a pattern. Patterns keep to what RE2 and POSIX share. #}
{% macro cdp_regexp_like(expression, pattern) %}
    {{- return(adapter.dispatch('cdp_regexp_like', 'cdp')(expression, pattern)) -}}
{% endmacro %}

{% macro default__cdp_regexp_like(expression, pattern) %}
    {{- "regexp_matches(" ~ expression ~ ", '" ~ pattern ~ "')" -}}
{% endmacro %}

{% macro bigquery__cdp_regexp_like(expression, pattern) %}
    {{- "regexp_contains(" ~ expression ~ ", r'" ~ pattern ~ "')" -}}
{% endmacro %}

{% macro postgres__cdp_regexp_like(expression, pattern) %}
    {{- "(" ~ expression ~ " ~ '" ~ pattern ~ "')" -}}
{% endmacro %}

{% macro snowflake__cdp_regexp_like(expression, pattern) %}
    {{- "(regexp_instr(" ~ expression ~ ", '" ~ pattern ~ "') > 0)" -}}
{% endmacro %}
