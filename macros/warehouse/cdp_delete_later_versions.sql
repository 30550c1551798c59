{# The statements after a build of raw_events that delete what a first build has written and does not take (see
   cdp_is_ranked_later): later versions of an event, then what has expired by `retention`. Nothing elsewhere. #}
{% macro cdp_delete_later_versions(retention) %}
    {{- return(adapter.dispatch("cdp_delete_later_versions", "cdp")(retention)) -}}
{% endmacro %}

{% macro default__cdp_delete_later_versions(retention) %}
    {{- return("") -}}
{% endmacro %}

{# Most events have one version: only those whose key's hash is there twice are ranked. #}
{% macro duckdb__cdp_delete_later_versions(retention) %}
    {%- set written = "(select *, rowid from " ~ this ~ " where " ~ cdp.cdp_batch_id() ~ " = (select min(batch_id) from " ~ this ~ "))" -%}
    {{- return([
        "delete from " ~ this ~ " where rowid in (
            select written.rowid
            from " ~ written ~ " as written
            where hash(source, event_id) in (
                select hash(source, event_id) from " ~ written ~ " as written group by 1 having count(*) > 1
            )
            qualify row_number() over (partition by source, event_id order by received_at, content_hash) > 1
        )",
        "delete from " ~ this ~ " where rowid in (
            select written.rowid
            from " ~ written ~ " as written
            inner join " ~ retention ~ " as retention on written.source = retention.source
            where cast(written.timestamp as date) < retention.kept_since
        )",
    ] | join(";\n")) -}}
{% endmacro %}
