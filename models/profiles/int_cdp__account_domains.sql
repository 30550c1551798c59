{{
    config(
        enabled=cdp.cdp_is_on(),
        unique_key="account_key",
        incremental_strategy=cdp.cdp_incremental_strategy()
    )
}}

{%- set attributes = cdp.cdp_record_attributes() %}
{%- set has_crm_accounts = "crm_account_id" in attributes and "company_domain" in attributes %}

with

activity as (

    select * from {{ ref("int_cdp__daily_activity") }}

    where
        measure = 'group.domain'
        and event_count > 0

),

group_domains as (

    select
        {{ dbt.split_part("value_key", "chr(10)", 1) }} as account_key,
        {{ cdp.cdp_domain(dbt.split_part("value_key", "chr(10)", 2)) }} as domain,
        last_at

    from activity

),

last_group_domains as (

    {{
        cdp.cdp_first_rows(
            "group_domains",
            ["account_key"],
            ["last_at desc", "domain asc nulls last"],
            ["account_key", "'group' as origin", "domain"]
        )
    }}

),

{%- if has_crm_accounts %}

records as (

    select
        source,
        {{ cdp.cdp_crm_account_key("source", "attribute_crm_account_id") }} as account_key,
        {{ cdp.cdp_domain("attribute_company_domain") }} as domain

    from {{ ref("stg_cdp__records") }}

    where attribute_crm_account_id is not null

),

-- A contact may have a web site of its own.
crm_domains as (

    select
        account_key,
        min(source) as origin,
        min(domain) as domain

    from records

    group by account_key

    having min(domain) = max(domain)

),
{%- endif %}

said as (

    select * from last_group_domains

    {%- if has_crm_accounts %}

    union all

    select * from crm_domains
    {%- endif %}

),

counted as (

    select
        *,
        count(*) over (partition by origin, domain) as account_count

    from said

),

-- What many accounts give as their own is a site where anybody can have a page.
known as (

    select
        counted.account_key,
        counted.domain

    from counted

    left join {{ ref("int_cdp__free_mail_domains") }} as free_mail_domains on counted.domain = free_mail_domains.domain

    where
        counted.account_count <= 5
        and free_mail_domains.domain is null
        and {{ cdp.cdp_regexp_like("counted.domain", "^[a-z0-9][a-z0-9-]*([.][a-z0-9-]+)+$") }}

),

{%- if cdp.cdp_is_incremental() %}

stored as (

    select * from {{ this }}

),

{%- endif %}

changed as (

    {% if cdp.cdp_is_incremental() -%}
    select
        coalesce(known.account_key, stored.account_key) as account_key,
        known.domain

    from known

    full outer join stored on known.account_key = stored.account_key

    where known.domain is distinct from stored.domain
    {%- else -%}
    select * from known
    {%- endif %}

),

final as (

    select
        account_key,
        domain,
        {{ cdp.cdp_batch_id() }} as batch_id

    from changed

)

select * from final
