{# A query of the rows that a sync reads, as the `cdp` command describes the sync:

     model       name of the model
     segment     name of a segment whose members are read; none for all rows
     id          SQL of what identifies a row: canonical_id, account_id or a column of the model
     key         number of the field by which the destination tells its records apart
     fields      a list of `name`, in the destination, and `sql` over the model's columns
     consent     the purposes that a person must have consented to
     ignores_case  whether the destination takes keys for one that differ in case only

   Columns: row_id; key_value, null where the row has none; match_key, as the destination compares it; is_allowed, false where the
   person has not consented or is suppressed; is_doubled, where another row has the same id or key; row_hash; and field_0, field_1, ... #}
{% macro cdp_sync_rows(sync) %}
    {%- set text = dbt.type_string() -%}
    {%- set is_of_people = sync.id == "canonical_id" -%}
    {%- set is_of_accounts = sync.model == "cdp__account_profiles" -%}
    {%- if sync.segment -%}
        {%- set entity = "account" if is_of_accounts else "person" -%}
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

            from {{ account_segments if is_of_accounts else segments }}

            where
                segment_name = '{{ sync.segment }}'
                and exited_at is null
        )
        {%- endif %}

    ),

    {%- if is_of_people %}

    suppressed as (

        select canonical_id as row_id from ({{ cdp.cdp_suppressed_people() | indent(8) }}) as people

    ),
    {%- else %}

    named as (

        {{ cdp.cdp_sync_identifiers([] if is_of_accounts else sync.fields) | indent(8) }}

    ),

    suppressed as (

        {{ cdp.cdp_suppressed("named", ["row_id"]) | indent(8) }}

    ),
    {%- endif %}

    keyed as (

        select
            mapped.*,
            nullif({{ cdp.cdp_trim("cast(field_" ~ sync.key ~ " as " ~ text ~ ")") }}, '') as key_value,
            {% if sync.consent -%}
            consenting.canonical_id is not null
            and {% endif -%}
            suppressed.row_id is null as is_allowed,
            {{ cdp.cdp_hash_key(parts) }} as row_hash

        from mapped
        {%- if sync.consent %}

        left join consenting on mapped.row_id = consenting.canonical_id
        {%- endif %}

        left join suppressed on mapped.row_id = suppressed.row_id

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


{# A query of everything by which the rows of the CTE `mapped` may name a person: each field, read as an identifier of each type. Whose
   rows they are is known of rows of people alone. #}
{% macro cdp_sync_identifiers(fields) %}
    {%- set text = dbt.type_string() -%}
    select
        mapped_values.row_id,
        types.identifier_type,
        {{ cdp.cdp_normal_form("types.identifier_type", "mapped_values.field_value") }} as identifier_value

    from (
        {%- for field in fields %}
        select
            row_id,
            cast(field_{{ loop.index0 }} as {{ text }}) as field_value

        from mapped

        union all
        {% endfor %}
        select
            row_id,
            cast(null as {{ text }}) as field_value

        from mapped

        where 1 = 0
    ) as mapped_values

    cross join (
        {%- for type in cdp.cdp_identifier_types() %}
        select '{{ type.name }}' as identifier_type
        {{ "union all" if not loop.last }}
        {%- endfor %}
    ) as types

    where mapped_values.field_value is not null
{% endmacro %}
