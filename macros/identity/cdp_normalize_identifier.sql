{# The normal form of an identifier: what two spellings of one identifier have in common.
     email  trimmed, NFKC, lower case; dots and plus tags are kept, since they can name different people
     phone  E.164: + and digits; 00 is read as +, a (0) after the country code is dropped; a national number
            gets the country code of var cdp_default_country_code, or stays without + where none is set
     id     trimmed; case is kept, since base64 and many databases tell cases apart
   `form` is one of these words, `expression` a string expression. #}
{% macro cdp_normalize_identifier(form, expression) %}
    {%- if form == "email" -%}
        {{- return("trim(lower(" ~ cdp.cdp_normalize_unicode(expression) ~ "))") -}}
    {%- elif form == "phone" -%}
        {%- set text = "replace(trim(" ~ cdp.cdp_normalize_unicode(expression) ~ "), '(0)', '')" -%}
        {%- set digits = cdp.cdp_regexp_replace(text, "[^0-9]", "") -%}
        {%- set country = var("cdp_default_country_code", none) -%}
        {%- if country is not none and not modules.re.match("^[1-9][0-9]{0,2}$", country | string) -%}
            {%- do exceptions.raise_compiler_error("var cdp_default_country_code: expected the digits of a calling code such as 49, got: " ~ country) -%}
        {%- endif -%}
        {%- set national = cdp.cdp_regexp_replace(digits, "^0", "") -%}
        {{- return(
            "case when " ~ text ~ " like '+%' then " ~ dbt.concat(["'+'", digits])
            ~ " when " ~ text ~ " like '00%' then " ~ dbt.concat(["'+'", "substr(" ~ digits ~ ", 3)"])
            ~ " else " ~ (dbt.concat(["'+" ~ country ~ "'", national]) if country else digits) ~ " end"
        ) -}}
    {%- else -%}
        {{- return("trim(" ~ expression ~ ")") -}}
    {%- endif -%}
{% endmacro %}
