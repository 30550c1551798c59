{# A test of cdp__segments or cdp__account_segments: the segment has at least `min_members` and at most `max_members` members; either
   may be left out. A failing row has segment_name and members. #}
{% test cdp_segment_size_between(model, segment, min_members=none, max_members=none) %}

{%- if min_members is none and max_members is none %}
{%- do exceptions.raise_compiler_error("cdp_segment_size_between, segment '" ~ segment ~ "': give min_members, max_members or both.") %}
{%- endif %}

with

sized as (

    select
        '{{ segment }}' as segment_name,
        count(*) as members

    from {{ model }}

    where
        segment_name = '{{ segment }}'
        and exited_at is null

)

select * from sized

where
    {{ "members < " ~ min_members if min_members is not none else "false" }}
    or {{ "members > " ~ max_members if max_members is not none else "false" }}

{% endtest %}
