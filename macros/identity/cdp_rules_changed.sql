{# Whether the model's own table was written under other rules than today's (see cdp_rules_hash). #}
{% macro cdp_rules_changed(rules_hash) %}
    {%- if is_incremental() and execute and flags.INTROSPECT -%}
        {%- set result = run_query("select 1 from " ~ this ~ " where rules_hash <> '" ~ rules_hash ~ "' limit 1") -%}
        {{- return(result.rows | length > 0) -}}
    {%- endif -%}
    {{- return(false) -}}
{% endmacro %}
