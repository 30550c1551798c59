{# The traits of people that are added up over the people of an account: counts of events and sums, unless the account has a
   trait or a column of that name itself. #}
{% macro cdp_added_traits() %}
    {%- set taken = cdp.cdp_account_columns() + cdp.cdp_traits("account") | map(attribute="name") | list -%}
    {%- set added = [] -%}
    {%- for trait in cdp.cdp_traits() if (trait.count == "events" or trait.aggregate == "sum") and trait.name not in taken -%}
        {%- do added.append(trait) -%}
    {%- endfor -%}
    {{- return(added) -}}
{% endmacro %}


{# The sum of such a trait over people. #}
{% macro cdp_added_trait_sql(trait) %}
    {%- set total = "sum(" ~ trait.name ~ ")" -%}
    {%- if trait.half_life_days -%}
        {{- return("round(" ~ total ~ ", 6)") -}}
    {%- endif -%}
    {{- return("cast(" ~ total ~ " as " ~ dbt.type_bigint() ~ ")" if trait.aggregate == "count" else total) -}}
{% endmacro %}
