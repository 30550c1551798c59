{# The relations that list blocked identifiers: the package's seed and the user's own model, if the var
   cdp_blocked_identifiers names one (columns identifier_type, or * for all, and identifier_value). #}
{% macro cdp_block_lists() %}
    {%- set lists = [ref("cdp__blocked_identifiers")] -%}
    {%- set own = var("cdp_blocked_identifiers", none) -%}
    {%- if own is not none and own is not string -%}
        {%- do exceptions.raise_compiler_error("var cdp_blocked_identifiers: expected the name of a model or seed of yours, got: " ~ own) -%}
    {%- elif own -%}
        {%- do lists.append(ref(own)) -%}
    {%- endif -%}
    {{- return(lists) -}}
{% endmacro %}
