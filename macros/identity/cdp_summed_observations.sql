{# Columns of a query over `observations` that say what several of them say together: how often, since when and until
   when, by how many sources, and which was the first, with its evidence. One without a time comes after those with one. #}
{% macro cdp_summed_observations() -%}
    {%- set seen = dbt.concat([
        "coalesce(cast(observations.first_seen as " ~ dbt.type_string() ~ "), '9999')",
        "' '",
        "observations.group_key",
    ]) -%}
    sum(observations.event_count) as event_count,
    min(observations.first_seen) as first_seen,
    max(observations.last_seen) as last_seen,
    count(distinct observations.source) as source_count,
    {{ cdp.cdp_arg_min("observations.origin", seen) }} as rule,
    {{ cdp.cdp_arg_min("observations.source", seen) }} as source,
    {{ cdp.cdp_arg_min("observations.evidence_id", seen) }} as evidence_id
{%- endmacro %}
