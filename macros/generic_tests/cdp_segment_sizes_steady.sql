{# A test of cdp__segment_sizes: between its last two builds no segment has gained or lost more than `max_change` of its members, a
   share such as 0.5; segments with fewer than `min_members` before and after are left out. A failing row has entity,
   segment_name, members_before and members. #}
{% test cdp_segment_sizes_steady(model, max_change=0.5, min_members=20) %}

with

sizes as (

    select
        coalesce(entity, 'person') as entity,
        segment_name,
        members,
        lag(members) over (
            partition by coalesce(entity, 'person'), segment_name
            order by measured_at
        ) as members_before,
        row_number() over (
            partition by coalesce(entity, 'person'), segment_name
            order by measured_at desc
        ) as place

    from {{ model }}

)

select
    entity,
    segment_name,
    members_before,
    members

from sizes

where
    place = 1
    and greatest(members, members_before) >= {{ min_members }}
    and abs(members - members_before) > {{ max_change }} * members_before

{% endtest %}
