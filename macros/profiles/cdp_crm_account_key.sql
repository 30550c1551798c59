{# What the account of a business system is called as long as no domain of its is known: the source and its id there. #}
{% macro cdp_crm_account_key(source, id) %}
    {{- return(dbt.concat([source, "':'", id])) -}}
{% endmacro %}
