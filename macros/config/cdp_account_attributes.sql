{# The attributes of an account, each with the attribute of its people that counts where no group call says it. #}
{% macro cdp_account_attributes() %}
    {{- return({
        "name": "company", "industry": "industry", "company_size": "company_size", "country": "country", "plan": "plan"
    }) -}}
{% endmacro %}
