{{ config(enabled=cdp.cdp_has_collector("mailchimp")) }}

with

member_rows as (

    {{ cdp.cdp_source_rows("mailchimp", "member", {
        "member_id": ("text", ["id"]),
        "list_id": "text",
        "email_address": "text",
        "status": "text",
        "merge_fname": "text",
        "merge_lname": "text",
        "merge_fields": "json",
        "last_changed": "timestamp",
        "is_removed": ("boolean", ["_fivetran_deleted"]),
    }, needs=["email_address"]) }}

),

newest_members as (

    {{
        cdp.cdp_first_rows(
            "member_rows",
            ["source", "list_id", "member_id"],
            ["last_changed desc nulls last", "status asc"]
        )
    }}

),

list_rows as (

    {{ cdp.cdp_source_rows("mailchimp", "list", {
        "list_id": ("text", ["id"]),
        "is_removed": ("boolean", ["_fivetran_deleted"]),
    }) }}

),

-- The members of a deleted list stay in the table as they were.
deleted_lists as (

    select distinct
        source,
        list_id

    from list_rows

    where is_removed

),

-- To archive a member is what Mailchimp's API does to delete one. One whose mail bounces is still a person.
members as (

    select
        newest_members.source,
        {{ dbt.concat(["newest_members.list_id", "'/'", "newest_members.member_id"]) }} as record_id,
        cast(null as {{ dbt.type_string() }}) as merged_into,
        newest_members.last_changed as updated_at,
        newest_members.email_address as email,
        coalesce(
            newest_members.merge_fname, {{ cdp.cdp_json_text("newest_members.merge_fields", "$.FNAME") }}
        ) as first_name,
        coalesce(
            newest_members.merge_lname, {{ cdp.cdp_json_text("newest_members.merge_fields", "$.LNAME") }}
        ) as last_name,
        newest_members.status as email_status

    from newest_members

    left join deleted_lists
        on
            newest_members.source = deleted_lists.source
            and newest_members.list_id = deleted_lists.list_id

    where
        deleted_lists.list_id is null
        and coalesce(newest_members.is_removed, false) = false
        and coalesce(newest_members.status, '') <> 'archived'

),

final as (

    {{ cdp.cdp_collector_records(
        "mailchimp",
        "members",
        identifiers={"email": "email"},
        attributes={
            "first_name": "first_name",
            "last_name": "last_name",
            "email_status": "email_status",
        }
    ) }}

)

select * from final
