{# Whether anybody is suppressed. Where nobody is, no identifier need be looked at. True also where the warehouse cannot be asked,
   or has no list yet. #}
{% macro cdp_has_suppressions() %}
    {%- set suppressions = ref("cdp__suppressions") -%}
    {%- if not cdp.cdp_can_ask() or load_relation(suppressions) is none -%}
        {{- return(true) -}}
    {%- endif -%}
    {{- return(run_query("select 1 as one from " ~ suppressions ~ " where lifted_at is null limit 1").rows | length > 0) -}}
{% endmacro %}
