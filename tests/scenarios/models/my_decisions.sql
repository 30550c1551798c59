select
    decision_id,
    decision,
    identifier_type_a,
    identifier_value_a,
    identifier_type_b,
    identifier_value_b,
    decided_at

from {{ ref("decisions") }}

where {{ is_there() }}
