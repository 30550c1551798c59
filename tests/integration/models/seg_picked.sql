select canonical_id

from {{ ref("cdp", "cdp__user_profiles") }}

where job_title = 'Head of Data'
