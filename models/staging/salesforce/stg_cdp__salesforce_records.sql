{{ config(enabled=cdp.cdp_has_collector("salesforce")) }}

{%- set nothing = "cast(null as " ~ dbt.type_string() ~ ")" %}
{%- set updated_at = ("timestamp", ["last_modified_date", "lastmodifieddate", "system_modstamp", "systemmodstamp"]) %}
{%- set person = dict(cdp.cdp_loader_columns(), **{
    "record_id": ("text", ["id"]),
    "email": "text",
    "phone": ("text", ["mobile_phone", "mobilephone"]),
    "first_name": ("text", ["first_name", "firstname"]),
    "last_name": ("text", ["last_name", "lastname"]),
    "job_title": ("text", ["title"]),
    "master_record_id": ("text", ["master_record_id", "masterrecordid"]),
    "is_deleted": ("boolean", ["is_deleted", "isdeleted"]),
    "updated_at": updated_at,
}) %}

with

contact_rows as (

    {{ cdp.cdp_source_rows("salesforce", "contact", dict(
        person,
        account_id=("text", ["account_id", "accountid"]),
        country=("text", ["mailing_country", "mailingcountry"])
    )) }}

),

lead_rows as (

    {{ cdp.cdp_source_rows("salesforce", "lead", dict(
        person,
        converted_contact_id=("text", ["converted_contact_id", "convertedcontactid"]),
        company="text",
        industry="text",
        company_size=("text", ["number_of_employees", "numberofemployees"]),
        website="text",
        country="text",
        lead_status=("text", ["status"])
    )) }}

),

account_rows as (

    {{ cdp.cdp_source_rows("salesforce", "account", dict(cdp.cdp_loader_columns(), **{
        "account_id": ("text", ["id"]),
        "company": ("text", ["name"]),
        "industry": "text",
        "company_size": ("text", ["number_of_employees", "numberofemployees"]),
        "website": "text",
        "is_deleted": ("boolean", ["is_deleted", "isdeleted"]),
        "updated_at": updated_at,
    })) }}

),

newest_contacts as (

    {{ cdp.cdp_newest_rows("contact_rows", "record_id") }}

),

newest_leads as (

    {{ cdp.cdp_newest_rows("lead_rows", "record_id") }}

),

newest_accounts as (

    {{ cdp.cdp_newest_rows("account_rows", "account_id") }}

),

accounts as (

    select * from newest_accounts

    where not is_gone

),

contacts as (

    select
        newest_contacts.source,
        newest_contacts.record_id,
        newest_contacts.updated_at,
        {{ nothing }} as merged_into,
        newest_contacts.email,
        newest_contacts.phone,
        newest_contacts.first_name,
        newest_contacts.last_name,
        newest_contacts.job_title,
        newest_contacts.country,
        newest_contacts.account_id,
        accounts.company,
        accounts.industry,
        accounts.company_size,
        accounts.website,
        {{ nothing }} as lead_status

    from newest_contacts

    left join accounts
        on
            newest_contacts.source = accounts.source
            and newest_contacts.account_id = accounts.account_id

    where not newest_contacts.is_gone

),

-- A lead that became a contact is the same person, and what it says is still true.
leads as (

    select
        source,
        record_id,
        updated_at,
        converted_contact_id as merged_into,
        email,
        phone,
        first_name,
        last_name,
        job_title,
        country,
        {{ nothing }} as account_id,
        company,
        industry,
        company_size,
        website,
        lead_status

    from newest_leads

    where not is_gone

),

-- The record that loses a merge is deleted and names the one that stays: nothing of it counts but that.
merged as (

    select
        source,
        record_id,
        updated_at,
        master_record_id

    from newest_contacts

    where master_record_id is not null

    union all

    select
        source,
        record_id,
        updated_at,
        master_record_id

    from newest_leads

    where master_record_id is not null

),

records as (

    select * from contacts

    union all

    select * from leads

    union all

    select
        source,
        record_id,
        updated_at,
        master_record_id as merged_into,
        {{ nothing }} as email,
        {{ nothing }} as phone,
        {{ nothing }} as first_name,
        {{ nothing }} as last_name,
        {{ nothing }} as job_title,
        {{ nothing }} as country,
        {{ nothing }} as account_id,
        {{ nothing }} as company,
        {{ nothing }} as industry,
        {{ nothing }} as company_size,
        {{ nothing }} as website,
        {{ nothing }} as lead_status

    from merged

),

described as (

    select
        *,
        {{ cdp.cdp_domain("website") }} as company_domain

    from records

),

final as (

    {{ cdp.cdp_collector_records(
        "salesforce",
        "described",
        identifiers={"email": "email", "phone": "phone"},
        attributes={
            "first_name": "first_name",
            "last_name": "last_name",
            "company": "company",
            "job_title": "job_title",
            "industry": "industry",
            "company_size": "company_size",
            "country": "country",
            "crm_account_id": "account_id",
            "company_domain": "company_domain",
            "lead_status": "lead_status",
        }
    ) }}

)

select * from final
