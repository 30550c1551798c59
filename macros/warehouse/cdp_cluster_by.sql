{# For a model's config: rows are kept in the order of these columns (one name, or a list of at most four), where the engine does
   not keep them as they come. Who asks for some values of the first leaves the other rows unread. #}
{% macro cdp_cluster_by(columns) %}
    {{- return(([columns] if columns is string else columns) if target.type == "bigquery" else none) -}}
{% endmacro %}
