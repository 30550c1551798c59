{{
    config(
        enabled=cdp.cdp_is_on(),
        full_refresh=false,
        alias="definitions",
        unique_key=["kind", "entity", "name", "defined_at"],
        incremental_strategy=cdp.cdp_incremental_strategy()
    )
}}

with

given as (
    {% for entry in cdp.cdp_definitions() %}
    select
        '{{ entry.kind }}' as kind,
        '{{ entry.entity }}' as entity,
        '{{ entry.name }}' as name,
        '{{ entry.version }}' as version,
        {{ cdp.cdp_text_literal(entry.definition) }} as definition
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

{%- if cdp.cdp_is_incremental() %}

stored as (

    select * from {{ this }}

),

last_stored as (

    {{ cdp.cdp_first_rows("stored", ["kind", "entity", "name"], ["defined_at desc"]) }}

),

{%- endif %}

-- What is defined no more gets a row without a version.
changed as (

    {% if cdp.cdp_is_incremental() -%}
    select
        coalesce(given.kind, last_stored.kind) as kind,
        coalesce(given.entity, last_stored.entity) as entity,
        coalesce(given.name, last_stored.name) as name,
        given.version,
        given.definition

    from given

    full outer join last_stored
        on
            given.kind = last_stored.kind
            and given.entity = last_stored.entity
            and given.name = last_stored.name

    where given.version is distinct from last_stored.version
    {%- else -%}
    select * from given
    {%- endif %}

),

final as (

    select
        kind,
        entity,
        name,
        version,
        definition,
        {{ cdp.cdp_as_of() }} as defined_at,
        {{ cdp.cdp_batch_id() }} as batch_id

    from changed

)

select * from final
