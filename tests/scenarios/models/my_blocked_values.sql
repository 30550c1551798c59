select
    identifier_type,
    identifier_value

from {{ ref("blocked_values") }}

where {{ is_there() }}
