select
    contact_id,
    email,
    phone,
    full_name,
    account_name,
    title,
    modified_at

from {{ ref("salesforce_contacts") }}

where batch <= {{ var("batch") }}

qualify row_number() over (
    partition by contact_id
    order by batch desc
) = 1
