{{ config(enabled=cdp.cdp_has_collector("hubspot")) }}

{%- set nothing = "cast(null as " ~ dbt.type_string() ~ ")" %}

with

contact_rows as (

    {{ cdp.cdp_source_rows("hubspot", "contact", dict(cdp.cdp_loader_columns(), **{
        "record_id": ("text", ["id"]),
        "email": ("text", ["property_email", "properties_email"]),
        "phone": ("text", ["property_mobilephone", "properties_mobilephone"]),
        "first_name": ("text", ["property_firstname", "properties_firstname"]),
        "last_name": ("text", ["property_lastname", "properties_lastname"]),
        "job_title": ("text", ["property_jobtitle", "properties_jobtitle"]),
        "own_company": ("text", ["property_company", "properties_company"]),
        "own_industry": ("text", ["property_industry", "properties_industry"]),
        "own_company_size": ("text", ["property_numemployees", "properties_numemployees"]),
        "own_website": ("text", ["property_website", "properties_website"]),
        "country": ("text", ["property_country", "properties_country"]),
        "lifecycle_stage": ("text", ["property_lifecyclestage", "properties_lifecyclestage"]),
        "company_id": ("number", ["property_associatedcompanyid", "properties_associatedcompanyid"]),
        "merged_vids": ("text", ["property_hs_calculated_merged_vids", "properties_hs_calculated_merged_vids"]),
        "merged_object_ids": ("text", ["property_hs_merged_object_ids", "properties_hs_merged_object_ids"]),
        "updated_at": ("timestamp", [
            "property_lastmodifieddate", "properties_lastmodifieddate", "updatedat", "_fivetran_synced",
        ]),
        "is_deleted": ("boolean", ["is_deleted", "archived"]),
    })) }}

),

-- The same id is a whole number in one table and a decimal in the other, where the loader takes it so.
company_rows as (

    {{ cdp.cdp_source_rows("hubspot", "company", dict(cdp.cdp_loader_columns(), **{
        "company_id": ("number", ["id"]),
        "company": ("text", ["property_name", "properties_name"]),
        "domain": ("text", ["property_domain", "properties_domain"]),
        "industry": ("text", ["property_industry", "properties_industry"]),
        "company_size": ("number", ["property_numberofemployees", "properties_numberofemployees"]),
        "updated_at": ("timestamp", [
            "property_hs_lastmodifieddate", "properties_hs_lastmodifieddate", "updatedat", "_fivetran_synced",
        ]),
        "is_deleted": ("boolean", ["is_deleted", "archived"]),
    })) }}

),

newest_contacts as (

    {{ cdp.cdp_newest_rows("contact_rows", "record_id") }}

),

newest_companies as (

    {{ cdp.cdp_newest_rows("company_rows", "company_id") }}

),

-- Either list of merged contacts may lack some that the other has.
contacts as (

    select
        *,
        {{ dbt.concat(["coalesce(merged_vids, '')", "';'", "coalesce(merged_object_ids, '')"]) }} as merged_ids

    from newest_contacts

    where not is_gone

),

companies as (

    select * from newest_companies

    where not is_gone

),

-- A contact lists the ones that it has swallowed, `id:time` or `id` each, and may list itself.
merged_parts as (

    {{ cdp.cdp_split_rows("contacts", "merged_ids", ";", "part", ["source", "record_id", "updated_at"]) }}

),

merged as (

    select
        source,
        updated_at,
        {{ dbt.split_part("part", "':'", 1) }} as merged_id,
        record_id as master_id

    from merged_parts

    where {{ dbt.split_part("part", "':'", 1) }} <> record_id

),

-- Of a contact that was merged into another nothing counts but that, though its own row may still be there, and newer.
records as (

    select
        contacts.source,
        contacts.record_id,
        contacts.updated_at,
        {{ nothing }} as merged_into,
        contacts.email,
        contacts.phone,
        contacts.first_name,
        contacts.last_name,
        contacts.job_title,
        coalesce(companies.company, contacts.own_company) as company,
        coalesce(companies.industry, contacts.own_industry) as industry,
        coalesce({{ cdp.cdp_number_text("companies.company_size") }}, contacts.own_company_size) as company_size,
        coalesce(companies.domain, contacts.own_website) as website,
        contacts.country,
        {{ cdp.cdp_number_text("contacts.company_id") }} as account_id,
        contacts.lifecycle_stage

    from contacts

    left join companies
        on
            contacts.source = companies.source
            and contacts.company_id = companies.company_id

    left join merged
        on
            contacts.source = merged.source
            and contacts.record_id = merged.merged_id

    where merged.merged_id is null

    union all

    select
        source,
        merged_id as record_id,
        updated_at,
        master_id as merged_into,
        {{ nothing }} as email,
        {{ nothing }} as phone,
        {{ nothing }} as first_name,
        {{ nothing }} as last_name,
        {{ nothing }} as job_title,
        {{ nothing }} as company,
        {{ nothing }} as industry,
        {{ nothing }} as company_size,
        {{ nothing }} as website,
        {{ nothing }} as country,
        {{ nothing }} as account_id,
        {{ nothing }} as lifecycle_stage

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
        "hubspot",
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
            "lifecycle_stage": "lifecycle_stage",
        }
    ) }}

)

select * from final
