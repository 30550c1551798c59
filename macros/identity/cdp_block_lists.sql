{# The relations that list blocked identifiers: the package's seed and the user's own model, if the var
   cdp_blocked_identifiers names one (columns identifier_type, or * for all, and identifier_value). #}
{% macro cdp_block_lists() %}
    {{- return(cdp.cdp_with_own_model(ref("cdp__blocked_identifiers"), "cdp_blocked_identifiers")) -}}
{% endmacro %}
