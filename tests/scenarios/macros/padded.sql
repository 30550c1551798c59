{# The name of the nth thing of a scenario, so that names sort as numbers do. #}
{% macro padded(slug, number) %}
    {{- return(dbt.concat(["'" ~ slug ~ "-'", "cast(1000 + " ~ number ~ " as " ~ dbt.type_string() ~ ")"])) -}}
{% endmacro %}
