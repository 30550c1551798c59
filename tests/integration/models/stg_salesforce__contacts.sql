select
    contact_id,
    email,
    phone,
    full_name,
    account_name,
    title,
    modified_at

from (
    select
        *,
        row_number() over (
            partition by contact_id
            order by batch desc
        ) as age

    from {{ ref("salesforce_contacts") }}

    where batch <= {{ var("batch") }}
) as versions

where age = 1
