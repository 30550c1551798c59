{# The normal form of an identifier: what two spellings of one identifier have in common.
     email  trimmed, NFKC, lower case; dots and plus tags are kept, since they can name different people
     phone  E.164: + and digits; 00 is read as +, a (0) after the country code and an extension are dropped; a
            national number gets the country code of var cdp_default_country_code in place of its trunk prefix,
            or stays without + where none is set
     id     trimmed; case is kept, since base64 and many databases tell cases apart
   `form` is one of these words, `expression` a string expression. #}
{% macro cdp_normalize_identifier(form, expression) %}
    {%- if form == "email" -%}
        {{- return(cdp.cdp_trim("lower(" ~ cdp.cdp_normalize_unicode(expression) ~ ")")) -}}
    {%- elif form == "phone" -%}
        {%- set country = var("cdp_default_country_code", none) -%}
        {%- if country is not none and not modules.re.match("^[1-9][0-9]{0,2}$", country | string) -%}
            {%- do exceptions.raise_compiler_error("var cdp_default_country_code: expected the digits of a calling code such as 49, got: " ~ country) -%}
        {%- endif -%}
        {%- set whole = "replace(lower(" ~ cdp.cdp_normalize_unicode(expression) ~ "), '(0)', '')" -%}
        {%- set number = cdp.cdp_regexp_replace(whole, "(ext|x|#)[^0-9]*[0-9]+[^0-9]*$", "") -%}
        {%- set text = cdp.cdp_regexp_replace(number, "[^0-9+]", "") -%}
        {%- set digits = cdp.cdp_regexp_replace(number, "[^0-9]", "") -%}
        {# What is dialled before a number within a country: 0 nearly everywhere. #}
        {%- set trunk = {"1": "1", "7": "8", "39": ""}.get(country | string, "0") -%}
        {%- set national = cdp.cdp_regexp_replace(digits, "^" ~ trunk, "") if trunk else digits -%}
        {{- return(
            "case when " ~ text ~ " like '+%' then " ~ dbt.concat(["'+'", digits])
            ~ " when " ~ text ~ " like '00%' then " ~ dbt.concat(["'+'", "substr(" ~ digits ~ ", 3)"])
            ~ " else " ~ (dbt.concat(["'+" ~ country ~ "'", national]) if country else digits) ~ " end"
        ) -}}
    {%- else -%}
        {{- return(cdp.cdp_trim(expression)) -}}
    {%- endif -%}
{% endmacro %}
