{# For a model's config: its table is kept in a part for each day, or month, of a column (`kind`: timestamp or date), where the engine
   has parts and does not find out by itself which rows it can leave unread. BigQuery deletes such a part without reading it, and
   a statement of it writes 4000 at most: months, where a column may go back to before the events. #}
{% macro cdp_partition_by(column, kind="timestamp", granularity="day") %}
    {{- return({"field": column, "data_type": kind, "granularity": granularity} if target.type == "bigquery" else none) -}}
{% endmacro %}
