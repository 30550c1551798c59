{{
    config(
        enabled=cdp.cdp_is_on(),
        alias="account_profiles",
        unique_key="account_id",
        incremental_strategy=cdp.cdp_incremental_strategy(),
        on_schema_change="sync_all_columns",
        post_hook="{{ cdp.cdp_delete_rows('account_id not in (select account_id from ' ~ ref('cdp__user_profiles') ~ ' where account_id is not null)') }}"
    )
}}

{%- set traits = cdp.cdp_traits("account") %}
{%- set added = cdp.cdp_added_traits() %}
{%- set attributes = cdp.cdp_account_attributes() %}
{%- set queries = cdp.cdp_event_trait_queries(traits) %}
{%- set definition_hash = local_md5([traits, added, cdp.cdp_as_of_date(0)] | string) %}
{%- set is_partial = cdp.cdp_is_incremental() and not cdp.cdp_rules_changed(definition_hash, "definition_hash") %}
{%- set last_batch = cdp.cdp_last_batch() %}

with

all_profiles as {{ cdp.cdp_read_anew(is_all=true) }} (

    select * from {{ ref("cdp__user_profiles") }}

    where account_id is not null

),

tuple_people as (

    select * from {{ ref("int_cdp__tuple_people") }}

),

all_activity as {{ cdp.cdp_read_anew(is_all=true) }} (

    select * from {{ ref("int_cdp__daily_activity") }}

    where event_count > 0

),

account_domains as (

    select * from {{ ref("int_cdp__account_domains") }}

    where domain is not null

),

-- What group calls said of the account.
group_values as (

    select
        coalesce(account_domains.domain, {{ dbt.split_part("all_activity.value_key", "chr(10)", 1) }}) as account_id,
        {{ dbt.split_part("all_activity.measure", "'.'", 2) }} as attribute,
        {{ dbt.split_part("all_activity.value_key", "chr(10)", 2) }} as attribute_value,
        all_activity.last_at as said_at,
        all_activity.batch_id

    from all_activity

    left join account_domains
        on {{ dbt.split_part("all_activity.value_key", "chr(10)", 1) }} = account_domains.account_key

    where
        all_activity.measure in (
            {%- for measure in cdp.cdp_group_measures() %}
            '{{ measure }}'{{ "," if not loop.last }}
            {%- endfor %}
        )

),

{%- if is_partial %}

stored as (

    select * from {{ this }}

),

member_counts as (

    select
        account_id,
        count(*) as people,
        max(batch_id) as batch_id

    from all_profiles

    group by account_id

),

-- Whoever has joined an account has been written since; whoever has left it is missing from the count.
touched as (

    select member_counts.account_id

    from member_counts

    left join stored on member_counts.account_id = stored.account_id

    where
        member_counts.batch_id > {{ last_batch }}
        or member_counts.people is distinct from stored.people

    union distinct

    select account_id

    from group_values

    where batch_id > {{ last_batch }}

    {{ cdp.cdp_changed_model_traits(traits, "account_id") | indent(4) }}

),

{%- endif %}

profiles as (

    select * from all_profiles

    {%- if is_partial %}

    where account_id in (select touched.account_id from touched)
    {%- endif %}

),

members as (

    select
        account_id,
        count(*) as people,
        max(case when {{ dbt.split_part("email", "'@'", 2) }} = account_id then account_id end) as email_domain,
        {%- for trait in added %}
        {{ cdp.cdp_added_trait_sql(trait) }} as {{ trait.name }},
        {%- endfor %}
        min(first_seen) as first_seen,
        max(last_active) as last_active,
        max(data_batch_id) as data_batch_id

    from profiles

    group by account_id

),

activity as (

    select
        profiles.account_id,
        all_activity.activity_date,
        all_activity.measure,
        all_activity.value_key,
        all_activity.event_count,
        all_activity.value_count,
        all_activity.value_sum,
        all_activity.value_min,
        all_activity.value_max,
        all_activity.first_at,
        all_activity.last_at

    from all_activity

    inner join tuple_people on all_activity.tuple_key = tuple_people.tuple_key

    inner join profiles on tuple_people.canonical_id = profiles.canonical_id

),

-- What the group said last goes before what most of the people say.
attribute_values as (

    select
        account_id,
        attribute,
        attribute_value,
        1 as origin,
        said_at,
        1 as people

    from group_values
    {% for attribute, of_people in attributes.items() %}
    union all

    select
        account_id,
        '{{ attribute }}' as attribute,
        {{ of_people }} as attribute_value,
        2 as origin,
        cast(null as {{ dbt.type_timestamp() }}) as said_at,
        count(*) as people

    from profiles

    where {{ of_people }} is not null

    group by
        account_id,
        {{ of_people }}
    {% endfor %}
),

surviving_attributes as (

    {{
        cdp.cdp_first_rows(
            "attribute_values",
            ["account_id", "attribute"],
            ["origin asc", "said_at desc nulls last", "people desc", "attribute_value asc"]
        )
    }}

),

attribute_columns as (

    select
        {%- for attribute in attributes %}
        max(case when attribute = '{{ attribute }}' then attribute_value end) as {{ attribute }},
        {%- endfor %}
        account_id

    from surviving_attributes

    group by account_id

),

known_domains as (

    select distinct domain

    from account_domains

),

{{ cdp.cdp_event_traits(queries, "activity", "account_id") }}

described as (

    select
        members.account_id,
        coalesce(known_domains.domain, members.email_domain) as domain,
        {%- for attribute in attributes %}
        attribute_columns.{{ attribute }},
        {%- endfor %}
        members.people,
        members.first_seen,
        members.last_active,
        members.data_batch_id,
        {%- for trait in added %}
        members.{{ trait.name }},
        {%- endfor %}
        {{ cdp.cdp_event_trait_columns(queries) | indent(8) }}
        {{ cdp.cdp_as_of_date(0) }} as as_of_date

    from members

    left join attribute_columns on members.account_id = attribute_columns.account_id

    left join known_domains on members.account_id = known_domains.domain

    {{ cdp.cdp_event_trait_joins(queries, "members", "account_id") | indent(4) }}

),

{{ cdp.cdp_derived_traits(traits, "described", "account_id") }}

final as (

    select
        account_id,
        name,
        domain,
        {%- for attribute in attributes if attribute != "name" %}
        {{ attribute }},
        {%- endfor %}
        people,
        first_seen,
        last_active,
        {%- set values = {} %}
        {%- for trait in added + traits %}
        {{ trait.name }},
        {%- do values.update({trait.name: trait.name}) %}
        {%- endfor %}
        {{ cdp.cdp_json_object(values) if values else "'{}'" }} as traits,
        {{ cdp.cdp_scores_json(traits) }} as scores,
        data_batch_id,
        '{{ definition_hash }}' as definition_hash,
        {{ cdp.cdp_batch_id() }} as batch_id

    from {{ cdp.cdp_derived_relation(traits, "described") }}

)

select * from final
