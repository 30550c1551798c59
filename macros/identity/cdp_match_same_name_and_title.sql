{# The query of the pairs that the rule same_name_and_title finds: a company domain, a first name and a job title,
   as on two cards of one person. Free mail domains are no companies. A row a pair of identifier tuples, with its
   score and the evidence:
     people_with_both      how many people of the domain have that first name and that title
     people_with_title     how many people of the domain have that title
     share_of_first_name   of all people with a name, the share that has that first name
     last_names            same, different, or unknown where one of the two has none

   score = 0.98 / (1 + 20 chance) / (people_with_both - 1)
     chance = (people_with_title - 1) share_of_first_name (1 where the last names are unknown; the share of the last name
              where they are the same; at least 1 where they are different)
   chance is the number of colleagues with that title who would have that name by accident; 1 in 20 people is taken to
   have a second card. See cdp_device_rarity for the kind of formula. #}
{% macro cdp_match_same_name_and_title() -%}
    {%- set text = dbt.type_string() -%}
    {%- set number = dbt.type_numeric() -%}
    {%- set attributes = cdp.cdp_record_attributes() -%}
    with records as (

        select
            {{ cdp.cdp_record_tuple_key() }} as tuple_key,
            email,
            {%- for column in ["name", "first_name", "last_name", "job_title"] %}
            {{ "attribute_" ~ column if column in attributes else "cast(null as " ~ text ~ ")" }} as {{ column }}{{ "," if not loop.last }}
            {%- endfor %}

        from {{ ref("stg_cdp__records") }}

    ),

    named as (

        select distinct tuple_key, domain, first_name, last_name, job_title

        from {{ ref("int_cdp__contact_details") }}

        where is_live

        union all

        {{ cdp.cdp_contact_details("records", ["tuple_key"]) | indent(8) }}

    ),

    tuples as (

        select tuple_key from {{ ref("int_cdp__contact_details") }} where is_live

        union distinct

        select tuple_key from records

    ),

    owners as (

        {{ cdp.cdp_tuple_owners("tuples") | indent(8) }}

    ),

    cards as (

        select
            owners.person_id,
            named.domain,
            named.first_name,
            named.job_title,
            named.last_name,
            min(named.tuple_key) as tuple_key

        from named

        inner join owners on named.tuple_key = owners.tuple_key

        where named.domain not in (select domain from {{ ref("int_cdp__free_mail_domains") }})

        group by
            owners.person_id,
            named.domain,
            named.first_name,
            named.job_title,
            named.last_name

    ),

    population as (

        select count(distinct person_id) as people from cards

    ),

    first_names as (

        select first_name, count(distinct person_id) as people

        from cards

        group by first_name

    ),

    last_names as (

        select last_name, count(distinct person_id) as people

        from cards

        group by last_name

    ),

    titles as (

        select domain, job_title, count(distinct person_id) as people_with_title

        from cards

        group by domain, job_title

    ),

    namesakes as (

        select domain, job_title, first_name, count(distinct person_id) as people_with_both

        from cards

        group by domain, job_title, first_name

    ),

    pairs as (

        select
            one.tuple_key as tuple_a,
            other.tuple_key as tuple_b,
            namesakes.people_with_both,
            titles.people_with_title,
            1.0 * first_names.people / population.people as share_of_first_name,
            case
                when one.last_name is null or other.last_name is null then 'unknown'
                when one.last_name = other.last_name then 'same'
                else 'different'
            end as last_names,
            1.0 * last_names.people / population.people as share_of_last_name

        from cards as one

        inner join cards as other
            on
                one.domain = other.domain
                and one.job_title = other.job_title
                and one.first_name = other.first_name
                and one.person_id < other.person_id

        inner join namesakes
            on
                one.domain = namesakes.domain
                and one.job_title = namesakes.job_title
                and one.first_name = namesakes.first_name

        inner join titles
            on
                one.domain = titles.domain
                and one.job_title = titles.job_title

        inner join first_names on one.first_name = first_names.first_name

        left join last_names on one.last_name = last_names.last_name

        cross join population

        where namesakes.people_with_both between 2 and 5

    ),

    scored as (

        select
            *,
            0.98 / (people_with_both - 1) / (
                1 + 20 * case last_names
                    when 'same' then (people_with_title - 1) * share_of_first_name * share_of_last_name
                    when 'unknown' then (people_with_title - 1) * share_of_first_name
                    else 1 + (people_with_title - 1) * share_of_first_name
                end
            ) as score

        from pairs

    )

    select
        tuple_a,
        tuple_b,
        score,
        {{ cdp.cdp_json_object({
            "people_with_both": "people_with_both",
            "people_with_title": "people_with_title",
            "share_of_first_name": "cast(round(cast(share_of_first_name as " ~ number ~ "), 3) as " ~ text ~ ")",
            "last_names": "last_names",
        }) }} as evidence,
        cast(null as {{ dbt.type_timestamp() }}) as matched_at

    from scored
{%- endmacro %}
