{# For a model's config: rows are kept in the order of a column, where the engine does not keep them as they come. A later
   model that takes the rows above a batch_id leaves the others unread. #}
{% macro cdp_cluster_by(column) %}
    {{- return([column] if target.type == "bigquery" else none) -}}
{% endmacro %}
