{# A test of fixtures, on a seed or a model as for cdp_resolves_together: no two identifiers of a group are one
   person's. One that is shared or blocked belongs to nobody, and so passes.
   Failing rows have group_name, identifier_type and problem: `together with another`; or, where the fixture tests
   nothing, `not seen` or `alone in its group`. #}
{% test cdp_never_together(model) %}

with

identifiers as (

    {{ cdp.cdp_fixture_identifiers(model) | indent(4) }}

),

judged as (

    select
        group_name,
        identifier_type,
        case
            when group_size = 1 then 'alone in its group'
            when canonical_id is not null and count_together > 1 then 'together with another'
            when problem <> 'shared' and problem not like 'blocked: %' then problem
        end as problem

    from identifiers

)

select * from judged

where problem is not null

{% endtest %}
