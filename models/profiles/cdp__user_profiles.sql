{{
    config(
        enabled=cdp.cdp_is_on(),
        alias="user_profiles",
        unique_key="canonical_id",
        cluster_by=cdp.cdp_cluster_by("canonical_id"),
        incremental_strategy=cdp.cdp_incremental_strategy(),
        on_schema_change="sync_all_columns",
        post_hook="{{ cdp.cdp_delete_rows('canonical_id not in (select canonical_id from ' ~ ref('cdp__identity_graph') ~ ' where canonical_id is not null)') }}"
    )
}}

{%- set traits = cdp.cdp_traits() %}
{%- set attributes = cdp.cdp_attributes() %}
{%- set record_attributes = cdp.cdp_record_attributes() %}
{%- set queries = cdp.cdp_event_trait_queries(traits) %}
{%- set definition_hash = local_md5([
    traits, attributes, cdp.cdp_survivorship(), cdp.cdp_own_free_mail_domains(), cdp.cdp_as_of_date(0)
] | string) %}
{%- set is_partial = cdp.cdp_is_incremental() and not cdp.cdp_rules_changed(definition_hash, "definition_hash") %}
{%- set last_batch = cdp.cdp_last_batch() %}
{%- set graph = ref("cdp__identity_graph") %}
{%- set people = ref("int_cdp__people") %}
{%- set members = ref("int_cdp__tuple_members") %}
{%- set tuple_people = ref("int_cdp__tuple_people") %}
{%- set observations = ref("int_cdp__identity_observations") %}
{%- set activity = ref("int_cdp__daily_activity") %}
{%- set has_crm_accounts = "crm_account_id" in attributes %}

with

records as (

    select *, {{ cdp.cdp_record_tuple_key() }} as tuple_key

    from {{ ref("stg_cdp__records") }}

),

-- Accounts whose domain is known, by what they are called otherwise.
account_domains as (

    select * from {{ ref("int_cdp__account_domains") }}

),

{%- if is_partial %}

-- The tables are named where they are asked: as CTEs that are read twice they would be held as a whole.
touched_tuples as (

    select tuple_key

    from {{ activity }}

    where batch_id > {{ last_batch }}

    union distinct

    select tuple_key

    from {{ observations }}

    where batch_id > {{ last_batch }}

    union distinct

    select tuple_key

    from {{ members }}

    where batch_id > {{ last_batch }}

    union distinct

    -- Whoever was seen with an identifier that has become nobody's has lost it.
    select members.tuple_key

    from {{ members }} as members

    inner join {{ graph }} as changed on members.identifier_id = changed.identifier_id

    where changed.batch_id > {{ last_batch }}

    union distinct

    select activity.tuple_key

    from {{ activity }} as activity

    inner join account_domains on activity.value_key = account_domains.account_key

    where
        activity.measure = 'group'
        and account_domains.batch_id > {{ last_batch }}
    {% if has_crm_accounts %}
    union distinct

    select records.tuple_key

    from records

    inner join account_domains
        on {{ cdp.cdp_crm_account_key("records.source", "records.attribute_crm_account_id") }} = account_domains.account_key

    where account_domains.batch_id > {{ last_batch }}
    {% endif %}
),

touched as (

    select canonical_id

    from {{ graph }}

    where
        canonical_id is not null
        and batch_id > {{ last_batch }}

    union distinct

    -- Who has lost an identifier to nobody may have no row of the graph that has changed.
    select graph.canonical_id

    from {{ graph }} as graph

    inner join {{ people }} as people on graph.identifier_id = people.identifier_id

    where
        graph.canonical_id is not null
        and people.batch_id > {{ last_batch }}

    union distinct

    select tuple_people.canonical_id

    from {{ tuple_people }} as tuple_people

    inner join touched_tuples on tuple_people.tuple_key = touched_tuples.tuple_key

    union distinct

    select canonical_id

    from {{ tuple_people }}

    where batch_id > {{ last_batch }}

    union distinct

    select previous_canonical_id

    from {{ tuple_people }}

    where batch_id > {{ last_batch }}
    {{ cdp.cdp_changed_model_traits(traits) | indent(4) }}

),
{%- endif %}

identifiers as (

    select * from {{ graph }}

    where {{ "canonical_id in (select canonical_id from touched)" if is_partial else "canonical_id is not null" }}

),

tuples as (

    select
        tuple_key,
        canonical_id,
        batch_id

    from {{ tuple_people }}

    where canonical_id in (select identifiers.canonical_id from identifiers)

),

activity as (

    select
        tuples.canonical_id,
        daily_activity.source,
        daily_activity.activity_date,
        daily_activity.measure,
        daily_activity.value_key,
        daily_activity.event_count,
        daily_activity.value_count,
        daily_activity.value_sum,
        daily_activity.value_min,
        daily_activity.value_max,
        daily_activity.first_at,
        daily_activity.last_at

    from {{ activity }} as daily_activity

    inner join tuples on daily_activity.tuple_key = tuples.tuple_key

    where daily_activity.event_count > 0

),

people as (

    select
        canonical_id,
        max(batch_id) as batch_id,
        max(case when identifier_type in ('anonymous_id', 'device_id') then 0 else 1 end) = 1 as is_identified

    from identifiers

    group by canonical_id

),

emails as (

    {{
        cdp.cdp_first_rows(
            "identifiers",
            ["canonical_id"],
            ["last_seen desc nulls last", "identifier_value asc"],
            ["canonical_id", "identifier_value as email"],
            where="identifier_type = 'email'"
        )
    }}

),

seen as (

    select
        tuples.canonical_id,
        max(greatest(observations.batch_id, tuples.batch_id)) as batch_id,
        min(case when observations.event_count > 0 then observations.first_seen end) as first_seen,
        max(
            case when observations.event_count > 0 and observations.origin = 'event' then observations.last_seen end
        ) as last_active

    from {{ observations }} as observations

    inner join tuples on observations.tuple_key = tuples.tuple_key

    group by tuples.canonical_id

),

-- An attribute's candidates: what events said, and what the records say now.
attribute_values as (

    select
        canonical_id,
        {{ dbt.split_part("measure", "'.'", 2) }} as attribute,
        value_key as attribute_value,
        source,
        first_at as first_said_at,
        last_at as said_at,
        event_count as said_count

    from activity

    where
        measure in (
            {%- for measure in cdp.cdp_attribute_measures().values() %}
            '{{ measure.id }}'{{ "," if not loop.last }}
            {%- endfor %}
        )
    {% for attribute in record_attributes %}
    union all

    select
        tuples.canonical_id,
        '{{ attribute }}' as attribute,
        records.attribute_{{ attribute }} as attribute_value,
        records.source,
        records.updated_at as first_said_at,
        records.updated_at as said_at,
        1 as said_count

    from records

    inner join tuples on records.tuple_key = tuples.tuple_key

    where records.attribute_{{ attribute }} is not null
    {% endfor %}
),

counted_values as (

    select
        *,
        sum(said_count) over (partition by canonical_id, attribute, attribute_value) as times_said,
        dense_rank() over (partition by canonical_id, attribute order by attribute_value) as value_number

    from attribute_values

),

ranked_values as (

    select
        *,
        max(value_number) over (partition by canonical_id, attribute) as value_count,
        row_number() over (
            partition by canonical_id, attribute
            order by
                {{ cdp.cdp_survival_order() | indent(4) }}
        ) as place

    from counted_values

),

surviving_attributes as (

    select * from ranked_values

    where place = 1

),

attribute_columns as (

    select
        {%- for attribute in attributes %}
        max(case when attribute = '{{ attribute }}' then attribute_value end) as {{ attribute }},
        max(case when attribute = '{{ attribute }}' then source end) as source_of_{{ attribute }},
        max(case when attribute = '{{ attribute }}' then said_at end) as time_of_{{ attribute }},
        max(case when attribute = '{{ attribute }}' then value_count end) as values_of_{{ attribute }},
        {%- endfor %}
        sum(case when value_count > 1 then 1 else 0 end) as attribute_conflicts,
        canonical_id

    from surviving_attributes

    group by canonical_id

),

crm_accounts as (

    select
        canonical_id,
        {{ cdp.cdp_crm_account_key("source", "attribute_value") }} as account_key

    from surviving_attributes

    where attribute = 'crm_account_id'

),

last_groups as (

    {{
        cdp.cdp_first_rows(
            "activity",
            ["canonical_id"],
            ["last_at desc", "value_key asc"],
            ["canonical_id", "value_key as group_id"],
            where="measure = 'group'"
        )
    }}

),

{{ cdp.cdp_event_traits(queries, "activity") }}

described as (

    select
        people.canonical_id,
        emails.email,
        coalesce(
            attribute_columns.name,
            nullif(trim({{ dbt.concat([
                "coalesce(attribute_columns.first_name, '')", "' '", "coalesce(attribute_columns.last_name, '')"
            ]) }}), '')
        ) as name,
        attribute_columns.company,
        seen.first_seen,
        seen.last_active,
        people.is_identified,
        coalesce(
            emails.email is not null and free_mail_domains.domain is null, false
        ) as is_business_email,
        coalesce(
            group_domains.domain,
            last_groups.group_id,
            crm_domains.domain,
            crm_accounts.account_key,
            case when free_mail_domains.domain is null then {{ dbt.split_part("emails.email", "'@'", 2) }} end
        ) as account_id,
        {%- for attribute in attributes if attribute not in ["name", "company"] %}
        attribute_columns.{{ attribute }},
        {%- endfor %}
        {{ cdp.cdp_event_trait_columns(queries) | indent(8) }}
        {%- set values = {} %}
        {%- set sources = {} %}
        {%- for attribute in attributes %}
        {%- do values.update({attribute: "attribute_columns." ~ attribute}) %}
        {%- do sources.update({attribute: {
            "source": "attribute_columns.source_of_" ~ attribute,
            "said_at": "attribute_columns.time_of_" ~ attribute,
            "values": "attribute_columns.values_of_" ~ attribute,
        }}) %}
        {%- endfor %}
        coalesce(attribute_columns.attribute_conflicts, 0) as attribute_conflicts,
        {{ cdp.cdp_json_object(values) }} as attributes,
        {{ cdp.cdp_json_object(sources) }} as attribute_sources,
        greatest(people.batch_id, coalesce(seen.batch_id, people.batch_id)) as data_batch_id,
        {{ cdp.cdp_as_of_date(0) }} as as_of_date

    from people

    left join emails on people.canonical_id = emails.canonical_id

    left join seen on people.canonical_id = seen.canonical_id

    left join attribute_columns on people.canonical_id = attribute_columns.canonical_id

    left join last_groups on people.canonical_id = last_groups.canonical_id

    left join account_domains as group_domains on last_groups.group_id = group_domains.account_key

    left join crm_accounts on people.canonical_id = crm_accounts.canonical_id

    left join account_domains as crm_domains on crm_accounts.account_key = crm_domains.account_key

    {{ cdp.cdp_event_trait_joins(queries, "people") | indent(4) }}

    left join {{ ref("int_cdp__free_mail_domains") }} as free_mail_domains
        on {{ dbt.split_part("emails.email", "'@'", 2) }} = free_mail_domains.domain

),

{{ cdp.cdp_derived_traits(traits, "described") }}

final as (

    select
        canonical_id,
        email,
        name,
        company,
        account_id,
        first_seen,
        last_active,
        is_identified,
        is_business_email,
        {%- for attribute in attributes if attribute not in ["name", "company"] %}
        {{ attribute }},
        {%- endfor %}
        {%- set values = {} %}
        {%- for trait in traits %}
        {{ trait.name }},
        {%- do values.update({trait.name: trait.name}) %}
        {%- endfor %}
        attributes,
        attribute_sources,
        attribute_conflicts,
        {{ cdp.cdp_json_object(values) }} as traits,
        {{ cdp.cdp_scores_json(traits) }} as scores,
        data_batch_id,
        '{{ definition_hash }}' as definition_hash,
        {{ cdp.cdp_batch_id() }} as batch_id

    from {{ cdp.cdp_derived_relation(traits, "described") }}

)

select * from final
