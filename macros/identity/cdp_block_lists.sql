{# The relations that list blocked identifiers: the package's seed and the user's own model, if the var
   cdp_blocked_identifiers names one (columns identifier_type, or * for all, and identifier_value). #}
{% macro cdp_block_lists() %}
    {%- set lists = [ref("cdp__blocked_identifiers")] -%}
    {%- if var("cdp_blocked_identifiers", none) -%}
        {%- do lists.append(ref(var("cdp_blocked_identifiers"))) -%}
    {%- endif -%}
    {{- return(lists) -}}
{% endmacro %}
