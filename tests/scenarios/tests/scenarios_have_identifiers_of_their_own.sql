select
    identifier_type,
    identifier_value

from {{ ref("expected_people") }}

where person <> 'blocked'

group by
    identifier_type,
    identifier_value

having count(distinct scenario) > 1
