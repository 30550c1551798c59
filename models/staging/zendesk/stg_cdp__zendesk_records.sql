{{ config(enabled=cdp.cdp_has_collector("zendesk")) }}

with

user_rows as (

    {{ cdp.cdp_source_rows("zendesk", "user", {
        "record_id": ("text", ["id"]),
        "external_id": "text",
        "organization_id": "text",
        "email": "text",
        "phone": "text",
        "shared_phone_number": "boolean",
        "name": "text",
        "role": "text",
        "active": "boolean",
        "updated_at": "timestamp",
        "is_removed": ("boolean", ["_fivetran_deleted"]),
    }) }}

),

organization_rows as (

    {{ cdp.cdp_source_rows("zendesk", "organization", {
        "organization_id": ("text", ["id"]),
        "company": ("text", ["name"]),
        "updated_at": "timestamp",
        "is_removed": ("boolean", ["_fivetran_deleted"]),
    }) }}

),

-- A loader may keep every version of a row.
newest_users as (

    select * from user_rows

    qualify
        row_number() over (
            partition by source, record_id
            order by updated_at desc nulls last, active asc nulls last
        ) = 1
        or record_id is null

),

newest_organizations as (

    select * from organization_rows

    qualify row_number() over (
        partition by source, organization_id
        order by updated_at desc nulls last, company asc
    ) = 1

),

organizations as (

    select * from newest_organizations

    where coalesce(is_removed, false) = false

),

-- Whoever answers tickets is no customer. A number that Zendesk does not call a person's own may be an office's.
requesters as (

    select
        newest_users.source,
        newest_users.record_id,
        newest_users.updated_at,
        cast(null as {{ dbt.type_string() }}) as merged_into,
        newest_users.external_id,
        newest_users.email,
        case when newest_users.shared_phone_number = false then newest_users.phone end as phone,
        newest_users.name,
        organizations.company

    from newest_users

    left join organizations
        on
            newest_users.source = organizations.source
            and newest_users.organization_id = organizations.organization_id

    where
        coalesce(newest_users.role, 'end-user') = 'end-user'
        and coalesce(newest_users.active, true)
        and coalesce(newest_users.is_removed, false) = false

),

final as (

    {{ cdp.cdp_collector_records(
        "zendesk",
        "requesters",
        identifiers={"user_id": "external_id", "email": "email", "phone": "phone"},
        attributes={"name": "name", "company": "company"}
    ) }}

)

select * from final
