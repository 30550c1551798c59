{# A test of identity_graph, or of what a user puts in its place: where two identifiers that were seen together are two
   people's, neither being shared, a limit or a decision says why (see cdp_refused_links).
   Failing rows have node_a and node_b (identifier_id), their types and people, and the evidence of the edge. #}
{% test cdp_no_edge_crosses_people(model) %}

with

refused as (

    {{ cdp.cdp_refused_links(model) | indent(4) }}

)

select
    node_a,
    node_b,
    identifier_type_a,
    identifier_type_b,
    canonical_id_a,
    canonical_id_b,
    rule,
    source,
    evidence_id

from refused

where reason = 'unexplained'

{% endtest %}
