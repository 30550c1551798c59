{# A query of the rows of `relation` that raw_events takes: of the versions of one event the one received first, so that the order in
   which they are loaded does not matter. #}
{% macro cdp_first_versions(relation) %}
    {{- return(adapter.dispatch("cdp_first_versions", "cdp")(relation)) -}}
{% endmacro %}

{% macro default__cdp_first_versions(relation) %}
    {{- return(cdp.cdp_first_rows(relation, ["source", "event_id"], ["received_at", "content_hash"])) -}}
{% endmacro %}

{# To rank all events takes as much memory as there are events, and leaves them in no order. Most come once: only those whose key's hash is
   there twice are ranked. #}
{% macro duckdb__cdp_first_versions(relation) %}
    {%- if cdp.cdp_is_incremental() -%}
        {{- return(cdp.default__cdp_first_versions(relation)) -}}
    {%- endif -%}
    {%- set key = "hash(source, event_id)" -%}
    {{- return(
        "with repeated as materialized (\n        select " ~ key ~ " as event_key from " ~ relation ~ " group by 1 having count(*) > 1\n    ),\n\n"
        ~ "    rivals as (\n        select * from " ~ relation ~ " where " ~ key ~ " in (select event_key from repeated)\n    )\n\n"
        ~ "    select * from " ~ relation ~ " where " ~ key ~ " not in (select event_key from repeated)\n\n    union all\n\n    "
        ~ cdp.default__cdp_first_versions("rivals")
    ) -}}
{% endmacro %}
