{# The relations that hold people's decisions on identities: the package's ledger and the user's own model, if the
   var cdp_identity_decisions names one (columns as in the ledger). #}
{% macro cdp_decision_lists() %}
    {{- return(cdp.cdp_with_own_model(ref("cdp__identity_decisions"), "cdp_identity_decisions")) -}}
{% endmacro %}
