{# A string expression without white space at its ends: blanks, tabs and line ends. #}
{% macro cdp_trim(expression) %}
    {{- return(adapter.dispatch("cdp_trim", "cdp")(expression)) -}}
{% endmacro %}

{% macro default__cdp_trim(expression) %}
    {{- return("trim(" ~ expression ~ ", " ~ dbt.concat(["' '", "chr(9)", "chr(10)", "chr(11)", "chr(13)"]) ~ ")") -}}
{% endmacro %}

{# Nearly no text has any: to look at both ends takes a seventh of the time. #}
{% macro duckdb__cdp_trim(expression) %}
    {{- return(
        "case when unicode(" ~ expression ~ ") > 32 and unicode(right(" ~ expression ~ ", 1)) > 32 then " ~ expression
        ~ " else " ~ cdp.default__cdp_trim(expression) ~ " end"
    ) -}}
{% endmacro %}
