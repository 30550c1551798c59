{# A query of the rows that a sync reads, as the `cdp` command describes the sync:

     model       name of the model
     segment     name of a segment whose members are read; none for all rows
     id          SQL of what identifies a row: canonical_id, account_id or a column of the model
     key         number of the field by which the destination tells its records apart
     fields      a list of `name`, in the destination, and `sql` over the model's columns
     consent     the purposes that a person must have consented to
     ignores_case  whether the destination takes keys for one that differ in case only

   Columns: row_id; key_value, null where the row has none; match_key, as the destination compares it; is_allowed; is_doubled, where
   another row has the same id or key; row_hash; and field_0, field_1, ... #}
{% macro cdp_sync_rows(sync) %}
    {%- set text = dbt.type_string() -%}
    {%- if sync.segment -%}
        {%- set entity = "account" if sync.model == "cdp__account_profiles" else "person" -%}
        {%- set names = cdp.cdp_segments(entity) | map(attribute="name") | list -%}
        {%- do cdp.cdp_check_choice(sync, "exposure '" ~ sync.name ~ "', cdp_sync", "segment", names) -%}
    {%- endif -%}
    {%- set account_segments = ref("cdp__account_segments") -%}
    {%- set segments = ref("cdp__segments") -%}
    {%- set parts = [] -%}
    {%- for field in sync.fields -%}
        {%- do parts.append(cdp.cdp_text_literal(field.name)) -%}
        {%- do parts.append("cast(field_" ~ loop.index0 ~ " as " ~ text ~ ")") -%}
    {%- endfor -%}
    with

    {%- if sync.consent %}

    consenting as (

        {{ cdp.cdp_consenting_people(sync.consent) | indent(8) }}

    ),
    {%- endif %}

    mapped as (

        select
            {{ sync.id }} as row_id,
            {%- for field in sync.fields %}
            {{ cdp.cdp_labelled_lines(field.sql, "/* sync " ~ sync.name ~ ", field " ~ loop.index ~ " */ ") }}
                as field_{{ loop.index0 }}{{ "," if not loop.last }}
            {%- endfor %}

        from {{ ref(sync.model) }}
        {%- if sync.segment %}

        where {{ sync.id }} in (
            select {{ sync.id }}

            from {{ account_segments if sync.model == "cdp__account_profiles" else segments }}

            where
                segment_name = '{{ sync.segment }}'
                and exited_at is null
        )
        {%- endif %}

    ),

    keyed as (

        select
            mapped.*,
            nullif({{ cdp.cdp_trim("cast(field_" ~ sync.key ~ " as " ~ text ~ ")") }}, '') as key_value,
            {% if sync.consent -%}
            consenting.canonical_id is not null as is_allowed,
            {%- else -%}
            true as is_allowed,
            {%- endif %}
            {{ cdp.cdp_hash_key(parts) }} as row_hash

        from mapped
        {%- if sync.consent %}

        left join consenting on mapped.row_id = consenting.canonical_id
        {%- endif %}

    ),

    comparable as (

        select
            *,
            {{ "lower(key_value)" if sync.ignores_case else "key_value" }} as match_key

        from keyed

    ),

    counted as (

        select
            *,
            count(*) over (partition by row_id) as rows_of_id,
            count(*) over (partition by match_key) as rows_of_key

        from comparable

    )

    select
        cast(row_id as {{ text }}) as row_id,
        key_value,
        match_key,
        is_allowed,
        row_id is null
        or rows_of_id > 1
        or (rows_of_key > 1 and match_key is not null) as is_doubled,
        {%- for field in sync.fields %}
        field_{{ loop.index0 }},
        {%- endfor %}
        row_hash

    from counted
{% endmacro %}
