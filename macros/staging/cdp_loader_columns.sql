{# The columns in which a loader says what it knows of a row of a business system, for cdp_source_rows, and cdp_newest_rows to
   read: when it was loaded, whether it is gone from the system, and whether it is the present one of the versions that
   Fivetran's history mode keeps. #}
{% macro cdp_loader_columns() %}
    {{- return({
        "loaded_at": ("timestamp", ["_fivetran_synced", "_airbyte_extracted_at"]),
        "is_removed": ("boolean", ["_fivetran_deleted"]),
        "is_present": ("boolean", ["_fivetran_active"]),
    }) -}}
{% endmacro %}
