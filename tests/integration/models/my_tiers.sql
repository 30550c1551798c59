select
    canonical_id,
    'gold' as tier

from {{ ref("cdp", "cdp__identity_graph") }}

where
    identifier_type = 'user_id'
    and identifier_value = '102'
