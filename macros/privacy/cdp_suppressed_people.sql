{# A query of the people (canonical_id) of whom an identifier is suppressed. #}
{% macro cdp_suppressed_people() %}
    with

    identifiers as (

        select
            canonical_id,
            identifier_type,
            identifier_value

        from {{ ref("cdp__identity_graph") }}

        where canonical_id is not null

    )

    {{ cdp.cdp_suppressed("identifiers", ["canonical_id"]) }}
{% endmacro %}
