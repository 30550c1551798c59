{# A query of what a relation says of people at work: (domain, first_name, last_name, job_title), all in lower case, of
   its columns email, name, first_name, last_name and job_title. `keep` are columns that it keeps. Where there is a whole
   name only, its first word is the first name. #}
{% macro cdp_contact_details(relation, keep) -%}
    {%- set first_word = dbt.split_part("name", "' '", 1) -%}
    {%- set rest = cdp.cdp_trim("substr(name, length(" ~ first_word ~ ") + 1)") -%}
    select
        {% for column in keep %}{{ column }}, {% endfor %}
        domain,
        coalesce(first_name, {{ first_word }}) as first_name,
        coalesce(last_name, case when first_name is null then nullif({{ rest }}, '') end) as last_name,
        job_title

    from (
        select
            {% for column in keep %}{{ column }}, {% endfor %}
            {{ dbt.split_part(cdp.cdp_normalize_identifier("email", "email"), "'@'", 2) }} as domain,
            {%- for column in ["name", "first_name", "last_name", "job_title"] %}
            nullif({{ cdp.cdp_trim("lower(" ~ cdp.cdp_normalize_unicode(column) ~ ")") }}, '') as {{ column }}{{ "," if not loop.last }}
            {%- endfor %}

        from {{ relation }}

        where
            email is not null
            and job_title is not null
            and coalesce(first_name, name) is not null
    ) as cleaned

    where
        domain like '%.%'
        and job_title is not null
        and coalesce(first_name, name) is not null
{%- endmacro %}
