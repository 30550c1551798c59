{# 128 bits of a SHA-256 over a string expression, as 32 lower-case hex digits.
   SHA-256 and not MD5: the hashed values come from strangers, who can make MD5 collide. #}
{% macro cdp_hash128(expression) %}
    {{- return(adapter.dispatch('cdp_hash128', 'cdp')(expression)) -}}
{% endmacro %}

{% macro default__cdp_hash128(expression) %}
    {{- "substr(sha256(" ~ expression ~ "), 1, 32)" -}}
{% endmacro %}

{% macro bigquery__cdp_hash128(expression) %}
    {{- "substr(to_hex(sha256(" ~ expression ~ ")), 1, 32)" -}}
{% endmacro %}

{% macro postgres__cdp_hash128(expression) %}
    {{- "substr(encode(sha256(convert_to(" ~ expression ~ ", 'UTF8')), 'hex'), 1, 32)" -}}
{% endmacro %}

{% macro snowflake__cdp_hash128(expression) %}
    {{- "substr(sha2(" ~ expression ~ ", 256), 1, 32)" -}}
{% endmacro %}
