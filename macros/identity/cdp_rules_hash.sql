{# A fingerprint of the identity rules: the identifier types with their numbers, how values are normalised and
   blocked, and the block lists' contents. Tables that depend on the rules keep it, and work everything off
   again when it has changed. #}
{% macro cdp_rules_hash() %}
    {%- set parts = [cdp.cdp_identifier_types() | string] -%}
    {%- for form in cdp.cdp_identifier_types() | map(attribute="form") | unique | sort -%}
        {%- do parts.append(cdp.cdp_normalize_identifier(form, "raw_value")) -%}
        {%- do parts.append(cdp.cdp_block_reason(form, "identifier_value")) -%}
    {%- endfor -%}
    {%- set block_lists = cdp.cdp_block_lists() -%}
    {%- if execute and flags.INTROSPECT -%}
        {%- for relation in block_lists if load_relation(relation) -%}
            {%- set rows = run_query(
                "select identifier_type, identifier_value from " ~ relation ~ " order by identifier_type, identifier_value"
            ) -%}
            {%- for row in rows.rows -%}
                {%- do parts.append(row[0] ~ " " ~ row[1]) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(local_md5(parts | join(";"))) -}}
{% endmacro %}
