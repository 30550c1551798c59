{# Any text as a string literal, whatever characters it has. #}
{% macro cdp_text_literal(text) %}
    {{- return(adapter.dispatch('cdp_text_literal', 'cdp')(text | string)) -}}
{% endmacro %}

{% macro default__cdp_text_literal(text) %}{{ "'" ~ text | replace("'", "''") ~ "'" }}{% endmacro %}

{# A backslash escapes there. #}
{% macro bigquery__cdp_text_literal(text) %}
    {{- "'" ~ text | replace("\\", "\\\\") | replace("'", "\\'") | replace("\n", "\\n") | replace("\r", "\\r") ~ "'" -}}
{% endmacro %}

{% macro snowflake__cdp_text_literal(text) %}{{ "'" ~ text | replace("\\", "\\\\") | replace("'", "''") ~ "'" }}{% endmacro %}
