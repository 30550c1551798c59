{# A list of the relation `base` and of the model or seed of the user's own that the var `name` names, if it does. #}
{% macro cdp_with_own_model(base, name) %}
    {%- set own = var(name, none) -%}
    {%- if own is not none and own is not string -%}
        {%- do exceptions.raise_compiler_error("var " ~ name ~ ": expected the name of a model or seed of yours, got: " ~ own) -%}
    {%- endif -%}
    {{- return([base, ref(own)] if own else [base]) -}}
{% endmacro %}
