{# A query of one row: how many rows a sync reads (source_rows), of which some have no key (without_key), or are of people who have not
   consented or are suppressed (withheld), how many rows their model has (model_rows), and how many records its destination holds
   (present_records). `sync` is as in cdp_sync_difference. #}
{% macro cdp_sync_counts(sync) %}
    with

    source_rows as (

        {{ cdp.cdp_sync_rows(sync) | indent(8) }}

    ),

    deliveries as (

        {{ cdp.cdp_sync_deliveries(sync) | indent(8) }}

    ),

    row_counts as (

        select
            count(*) as source_rows,
            count(case when key_value is null then 1 end) as without_key,
            count(case when key_value is not null and not is_allowed then 1 end) as withheld

        from source_rows

    ),

    model_counts as (

        select count(*) as model_rows

        from {{ ref(sync.model) }}

    ),

    delivery_counts as (

        select count(case when is_present then 1 end) as present_records

        from deliveries

    )

    select
        row_counts.source_rows,
        row_counts.without_key,
        row_counts.withheld,
        model_counts.model_rows,
        delivery_counts.present_records

    from row_counts

    cross join model_counts

    cross join delivery_counts
{% endmacro %}
