{# What people can consent to, the var cdp_consent, checked: by the name of a purpose, the SQL condition over the columns of
   cdp__user_profiles that is true of those who have. #}
{% macro cdp_consent() %}
    {%- set consent = cdp.cdp_mapping_var("cdp_consent") -%}
    {%- if consent is not mapping -%}
        {%- do exceptions.raise_compiler_error("var cdp_consent: expected purposes with a SQL condition each, got: " ~ consent) -%}
    {%- endif -%}
    {%- for purpose, condition in consent.items() if condition is not string or not condition | trim -%}
        {%- do exceptions.raise_compiler_error(
            "var cdp_consent, " ~ purpose ~ ": expected a SQL condition over the columns of user_profiles, got: " ~ condition
        ) -%}
    {%- endfor -%}
    {{- return(consent) -}}
{% endmacro %}


{# A query of the people (canonical_id) who have consented to all these purposes; where the profile says nothing they have not. #}
{% macro cdp_consenting_people(purposes) %}
    {%- set consent = cdp.cdp_consent() -%}
    {%- set terms = [] -%}
    {%- for purpose in purposes -%}
        {%- if purpose not in consent -%}
            {%- do exceptions.raise_compiler_error(
                "consent to '" ~ purpose ~ "' is asked for, which is none of the purposes in the var cdp_consent."
                ~ cdp.cdp_did_you_mean(purpose, consent.keys() | list) ~ " There are: " ~ (consent.keys() | join(", ") or "none") ~ "."
            ) -%}
        {%- endif -%}
        {%- do terms.append(cdp.cdp_labelled_lines(consent[purpose], "/* consent " ~ purpose ~ " */ ")) -%}
    {%- endfor -%}
    select canonical_id

    from {{ ref("cdp__user_profiles") }}

    where
        {%- for term in terms %}
        {{ "and " if not loop.first }}(
            {{ term }}
        )
        {%- endfor %}
{% endmacro %}
