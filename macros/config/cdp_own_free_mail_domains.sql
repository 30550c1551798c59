{# The var cdp_free_mail_domains, checked: domains of mail services besides those of the seed, in lower case. #}
{% macro cdp_own_free_mail_domains() %}
    {%- set domains = [] -%}
    {%- for domain in cdp.cdp_list_var("cdp_free_mail_domains") -%}
        {%- if not modules.re.match("^[^@ ]+[.][^@ ]+$", domain | string) -%}
            {%- do exceptions.raise_compiler_error("var cdp_free_mail_domains: expected domains such as mail.example, got: " ~ domain) -%}
        {%- endif -%}
        {%- do domains.append(domain | lower) -%}
    {%- endfor -%}
    {{- return(domains) -}}
{% endmacro %}
