{# A fingerprint of the identity rules: the identifier types with their numbers, how values are normalised and
   which patterns are blocked. Tables that depend on the rules keep it, and work everything off again when it has
   changed. What is on block lists and what people have decided is not in it: that is followed value by value. #}
{% macro cdp_rules_hash() %}
    {%- set parts = [cdp.cdp_identifier_types() | string] -%}
    {%- for form in cdp.cdp_identifier_types() | map(attribute="form") | unique | sort -%}
        {%- do parts.append(cdp.cdp_normalize_identifier(form, "raw_value")) -%}
        {%- do parts.append(cdp.cdp_block_reason(form, "identifier_value")) -%}
    {%- endfor -%}
    {{- return(local_md5(parts | join(";"))) -}}
{% endmacro %}
