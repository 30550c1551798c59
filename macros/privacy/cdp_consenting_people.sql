{# A query of the people (canonical_id) who have consented to all these purposes; of whom nothing is said they have not. #}
{% macro cdp_consenting_people(purposes) %}
    {%- set known = cdp.cdp_consent().keys() | list -%}
    {%- for purpose in purposes if purpose not in known -%}
        {%- do exceptions.raise_compiler_error(
            "consent to '" ~ purpose ~ "' is asked for, which is none of the purposes in the var cdp_consent."
            ~ cdp.cdp_did_you_mean(purpose, known) ~ " There are: " ~ (known | join(", ") or "none") ~ "."
        ) -%}
    {%- endfor -%}
    {%- set asked = purposes | unique | list -%}
    select canonical_id

    from {{ ref("cdp__consents") }}

    where
        is_granted
        and purpose in ('{{ asked | join("', '") }}')

    group by canonical_id

    having count(*) = {{ asked | length }}
{% endmacro %}
