{{ config(enabled=cdp.cdp_has_collector("zendesk")) }}

with

user_rows as (

    {{ cdp.cdp_source_rows("zendesk", "user", dict(cdp.cdp_loader_columns(), **{
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
        "is_deleted": "boolean",
    })) }}

),

organization_rows as (

    {{ cdp.cdp_source_rows("zendesk", "organization", dict(cdp.cdp_loader_columns(), **{
        "organization_id": ("text", ["id"]),
        "company": ("text", ["name"]),
        "updated_at": "timestamp",
        "is_deleted": "boolean",
    })) }}

),

newest_users as (

    {{ cdp.cdp_newest_rows("user_rows", "record_id") }}

),

newest_organizations as (

    {{ cdp.cdp_newest_rows("organization_rows", "organization_id") }}

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
        newest_organizations.company

    from newest_users

    left join newest_organizations
        on
            newest_users.source = newest_organizations.source
            and newest_users.organization_id = newest_organizations.organization_id
            and not newest_organizations.is_gone

    where
        coalesce(newest_users.role, 'end-user') = 'end-user'
        and coalesce(newest_users.active, true)
        and not newest_users.is_gone

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
