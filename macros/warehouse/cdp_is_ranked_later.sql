{# Whether a build of raw_events may write all versions of its events, and delete what it does not take afterwards (see
   cdp_delete_later_versions): a first build on DuckDB. There ranking whole events takes as much memory as there are events, and leaves
   them in no order; their keys in a table cost little. #}
{% macro cdp_is_ranked_later() %}
    {{- return(target.type == "duckdb" and not cdp.cdp_is_incremental()) -}}
{% endmacro %}
