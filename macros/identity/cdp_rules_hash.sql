{# A fingerprint of the identity rules: the identifier types with their numbers, the default country and
   the block lists' contents. Tables that depend on the rules keep it, and work everything off again
   when it has changed. #}
{% macro cdp_rules_hash() %}
    {%- set parts = [cdp.cdp_identifier_types() | string, var("cdp_default_country_code", "") | string] -%}
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
