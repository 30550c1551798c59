{# A query of the records that a sync has delivered, as far as was acknowledged: one row each, the last delivery. Records of people who
   have become one are the remaining person's; they are is_merged. #}
{% macro cdp_sync_deliveries(sync) %}
    {%- set history = ref("cdp__canonical_id_history") -%}
    {%- set is_of_people = sync.id == "canonical_id" -%}
    with

    numbered as (

        select
            *,
            row_number() over (
                partition by record_id
                order by acknowledged_at desc, delivery_id desc
            ) as age

        from {{ ref("cdp__deliveries") }}

        where {{ cdp.cdp_is_of_sync(sync) }}

    )

    select
        numbered.record_id,
        numbered.delivery_id,
        numbered.key_value,
        {{ "lower(numbered.key_value)" if sync.ignores_case else "numbered.key_value" }} as match_key,
        numbered.remote_id,
        numbered.row_hash,
        numbered.sent,
        numbered.acknowledged_at,
        numbered.state = 'present' as is_present,
        {%- if is_of_people %}
        coalesce(history.current_canonical_id, numbered.row_id) as row_id,
        coalesce(history.current_canonical_id <> numbered.row_id, false) as is_merged
        {%- else %}
        numbered.row_id,
        false as is_merged
        {%- endif %}

    from numbered
    {%- if is_of_people %}

    left join {{ history }} as history on numbered.row_id = history.canonical_id
    {%- endif %}

    where numbered.age = 1
{% endmacro %}


{# The condition that an entry of a ledger is of this sync to this destination: what another one holds says nothing. #}
{% macro cdp_is_of_sync(sync) %}
    {%- set terms = [] -%}
    {%- for column, value in {"sync_name": sync.name, "destination": sync.destination, "object": sync.object}.items() -%}
        {%- do terms.append(column ~ " = " ~ cdp.cdp_text_literal(value)) -%}
    {%- endfor -%}
    {{- return(terms | join(" and ")) -}}
{% endmacro %}
