{# A string expression without white space at its ends: blanks, tabs and line ends. #}
{% macro cdp_trim(expression) %}
    {{- return("trim(" ~ expression ~ ", " ~ dbt.concat(["' '", "chr(9)", "chr(10)", "chr(11)", "chr(13)"]) ~ ")") -}}
{% endmacro %}
