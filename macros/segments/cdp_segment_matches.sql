{# A query of who meets the condition of which segment now: columns entity, member_id and segment_name. #}
{% macro cdp_segment_matches(entity) %}
    {%- set key = {"person": "canonical_id", "account": "account_id"}[entity] -%}
    {%- set segments = cdp.cdp_segments(entity) -%}
    with

    flags as (

        {{ cdp.cdp_segment_flags(entity) | indent(4) }}

    ),

    named as (

        select
            {{ key }} as member_id,
            {% if segments -%}
            {{ cdp.cdp_segment_names(segments) }} as segment_names
            {%- else -%}
            cast(null as {{ dbt.type_string() }}) as segment_names
            {%- endif %}

        from flags

    ),

    matches as (

        {{ cdp.cdp_split_rows("named", "segment_names", ";", "segment_name", ["member_id"]) | indent(8) }}

    )

    select
        '{{ entity }}' as entity,
        member_id,
        segment_name

    from matches
{% endmacro %}


{# The names of the segments that a profile is in, each with a semicolon after it. #}
{% macro cdp_segment_names(segments) %}
    {%- set names = [] -%}
    {%- for segment in segments -%}
        {%- do names.append("case when is_in_segment_" ~ segment.name ~ " then '" ~ segment.name ~ ";' else '' end") -%}
    {%- endfor -%}
    {{- return(dbt.concat(names) if names | length > 1 else names[0]) -}}
{% endmacro %}
