{# For a model's config: its table is kept in a part for each day of a timestamp, where the engine has parts and does not
   find out by itself which rows it can leave unread. BigQuery deletes such a part without reading it. #}
{% macro cdp_partition_by(column) %}
    {{- return({"field": column, "data_type": "timestamp", "granularity": "day"} if target.type == "bigquery" else none) -}}
{% endmacro %}
