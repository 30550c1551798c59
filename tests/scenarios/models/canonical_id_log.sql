-- The ids that people went by after each build.
{{
    config(
        materialized="incremental",
        full_refresh=false,
        unique_key=["load", "scenario", "identifier_type", "identifier_value"],
        incremental_strategy=cdp.cdp_incremental_strategy()
    )
}}

select
    {{ var("load") }} as load,
    expected.scenario,
    expected.identifier_type,
    expected.identifier_value,
    expected.person,
    graph.canonical_id

from {{ ref("expected_now") }} as expected

inner join {{ ref("cdp", "cdp__identity_graph") }} as graph
    on
        expected.identifier_type = graph.identifier_type
        and expected.identifier_value = graph.identifier_value

where graph.canonical_id is not null
