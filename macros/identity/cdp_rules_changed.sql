{# Whether the model's own table holds rows written under other definitions than today's; `column` is
   where it keeps their fingerprint. #}
{% macro cdp_rules_changed(rules_hash, column="rules_hash") %}
    {%- if cdp.cdp_is_incremental() -%}
        {%- set query = "select 1 as one from " ~ this ~ " where " ~ column ~ " <> '" ~ rules_hash ~ "' limit 1" -%}
        {{- return(run_query(query).rows | length > 0) -}}
    {%- endif -%}
    {{- return(false) -}}
{% endmacro %}
