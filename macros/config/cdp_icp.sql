{# The ideal customer profile, the var cdp_icp, checked: a mapping of any of
     company_size   a mapping of min, max or both, in people
     industry       a list of industries
     job_title      a list of words or phrases, one of which the title must have as whole words
     country        a list of countries, spelled as in your data
   Case does not matter. #}
{% macro cdp_icp() %}
    {%- set where = "var cdp_icp" -%}
    {%- set icp = cdp.cdp_mapping_var("cdp_icp") -%}
    {%- do cdp.cdp_check_keys(icp, where, [], ["company_size", "industry", "job_title", "country"]) -%}
    {%- if "company_size" in icp -%}
        {%- do cdp.cdp_check_keys(icp.company_size, where ~ ", company_size", [], ["min", "max"]) -%}
        {%- for key, number in icp.company_size.items() if number is not integer -%}
            {%- do exceptions.raise_compiler_error(where ~ ", company_size: " ~ key ~ " must be a whole number, got: " ~ number) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- for name in ["industry", "job_title", "country"] if name in icp -%}
        {%- if icp[name] is string or icp[name] is mapping or icp[name] is not sequence or not icp[name]
            or icp[name] | select("string") | list | length != icp[name] | length -%}
            {%- do exceptions.raise_compiler_error(where ~ ", " ~ name ~ ": expected a list of texts, got: " ~ icp[name]) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(icp) -}}
{% endmacro %}


{# The condition that an attribute is as the ideal customer profile wants it, or, where that does not say, that it is known. #}
{% macro cdp_icp_condition(name) %}
    {%- set icp = cdp.cdp_icp() -%}
    {%- if name not in icp -%}
        {{- return(name ~ " is not null") -}}
    {%- elif name == "company_size" -%}
        {%- set size = cdp.cdp_least_company_size() -%}
        {%- set limits = [] -%}
        {%- for key, number in icp.company_size.items() -%}
            {%- do limits.append(size ~ (" >= " if key == "min" else " <= ") ~ number) -%}
        {%- endfor -%}
        {{- return(limits | join(" and ") or "company_size is not null") -}}
    {%- endif -%}
    {%- set terms = [] -%}
    {%- for text in icp[name] -%}
        {%- do terms.append(cdp.cdp_text_literal(
            "% " ~ cdp.cdp_words(text) ~ " %" if name == "job_title" else text | lower | trim
        )) -%}
    {%- endfor -%}
    {%- if name != "job_title" -%}
        {{- return("lower(" ~ cdp.cdp_trim(name) ~ ") in (" ~ terms | join(", ") ~ ")") -}}
    {%- endif -%}
    {%- set words = dbt.concat(["' '", cdp.cdp_regexp_replace("lower(job_title)", "[ -/:-@_|]+", " "), "' '"]) -%}
    {{- return("(" ~ words ~ " like " ~ terms | join(" or " ~ words ~ " like ") ~ ")") -}}
{% endmacro %}


{# Whether a person is in all that the ideal customer profile says as it wants; false where it says nothing. #}
{% macro cdp_icp_match() %}
    {%- set conditions = [] -%}
    {%- for name in cdp.cdp_icp() -%}
        {%- do conditions.append(cdp.cdp_icp_condition(name)) -%}
    {%- endfor -%}
    {{- return("coalesce(" ~ (conditions | join(" and ") or "false") ~ ", false)") -}}
{% endmacro %}


{# The size of a company, of 1,001-5,000 the lower bound. #}
{% macro cdp_least_company_size() %}
    {%- set digits = cdp.cdp_regexp_replace("company_size", "[ ,.]", "") -%}
    {{- return(cdp.cdp_try_number(cdp.cdp_regexp_replace(digits, "[^0-9].*$", ""))) -}}
{% endmacro %}


{# A text in lower case with single spaces where it has spaces and punctuation. #}
{% macro cdp_words(text) %}
    {{- return(modules.re.sub("[ -/:-@_|]+", " ", text | lower) | trim) -}}
{% endmacro %}
