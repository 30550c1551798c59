{# The key of a record's identifiers: of one version of it, so that a version without an identifier that
   an earlier one had is another tuple. #}
{% macro cdp_record_tuple_key() %}
    {{- return(cdp.cdp_hash_key(
        ["source", "record_id", "merged_into"] + cdp.cdp_identifier_types() | map(attribute="name") | list
    )) -}}
{% endmacro %}
