{# A query of the profiles with one more column for each segment, `is_in_segment_` and its name: whether the profile meets
   its condition, over one scan. #}
{% macro cdp_segment_flags(entity) %}
    {%- set key = {"person": "canonical_id", "account": "account_id"}[entity] -%}
    {%- set profiles = ref({"person": "cdp__user_profiles", "account": "cdp__account_profiles"}[entity]) -%}
    {%- set segments = cdp.cdp_segments(entity) -%}
    {%- set lists = cdp.cdp_segment_lists(segments) -%}
    {%- set conditions = {} -%}
    {%- for segment in segments if "where" in segment -%}
        {%- do conditions.update({"cdp_segments, segment '" ~ segment.name ~ "'": cdp.cdp_replaced_segments(segment.where, " ")}) -%}
    {%- endfor -%}
    {%- do cdp.cdp_check_conditions(conditions, profiles) -%}
    with

    profiles as (

        select * from {{ profiles }}

    ),

    {%- if lists %}

    listed as (
        {% for list in lists %}
        {{ cdp.cdp_listed_members(list, entity, key) }}
        {{ "union all" if not loop.last }}
        {%- endfor %}

    ),

    list_columns as (

        select
            {%- for list in lists %}
            max(case when list_name = '{{ list.name }}' then 1 else 0 end) as {{ list.name }},
            {%- endfor %}
            member_id

        from listed

        group by member_id

    ),
    {%- endif %}

    level_0 as (

        select
            {%- for list in lists %}
            coalesce(list_columns.{{ list.name }}, 0) = 1 as {{ list.name }},
            {%- endfor %}
            profiles.*

        from profiles
        {% if lists %}
        left join list_columns on profiles.{{ key }} = list_columns.member_id
        {% endif %}
    ),

    {%- for level, members in segments | groupby("level") %}

    level_{{ level }} as (

        select
            {%- for segment in members %}
            {{ cdp.cdp_segment_condition(segment) }} as is_in_segment_{{ segment.name }},
            {%- endfor %}
            *

        from level_{{ level - 1 }}

    ),
    {%- endfor %}

    flagged as (

        select * from level_{{ segments | map(attribute="level") | max if segments else 0 }}

    )

    select * from flagged
{% endmacro %}


{# The lists that the segments use: `name` of the flag that tells who is on it, `relation`, and `kind`, which is model, include or
   exclude. #}
{% macro cdp_segment_lists(segments) %}
    {%- set lists = [] -%}
    {%- for segment in segments -%}
        {%- for kind in ["model", "include", "exclude"] if kind in segment -%}
            {%- do lists.append({"name": kind ~ "_of_segment_" ~ segment.name, "relation": ref(segment[kind]), "kind": kind}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(lists) -}}
{% endmacro %}


{# A query of whom a list names. Lists of people that are no models of segments name them by identifiers, in any spelling. #}
{% macro cdp_listed_members(list, entity, key) %}
    {%- if list.kind == "model" or entity == "account" -%}
    select
        {{ key }} as member_id,
        '{{ list.name }}' as list_name

    from {{ list.relation }}

    where {{ key }} is not null
    {%- else -%}
    {%- set forms = {} -%}
    {%- for type in cdp.cdp_identifier_types() -%}
        {%- do forms.update({type.name: cdp.cdp_normalize_identifier(type.form, "entries.identifier_value")}) -%}
    {%- endfor -%}
    select
        graph.canonical_id as member_id,
        '{{ list.name }}' as list_name

    from {{ list.relation }} as entries

    inner join {{ ref("cdp__identity_graph") }} as graph
        on
            entries.identifier_type = graph.identifier_type
            and {{ cdp.cdp_by_type("entries.identifier_type", forms) }} = graph.identifier_value

    where graph.canonical_id is not null
    {%- endif %}
{% endmacro %}


{# The SQL of whether a profile is in a segment; the database's word on a broken condition shows the line with the name. #}
{% macro cdp_segment_condition(segment) %}
    {%- set terms = [] -%}
    {%- if "where" in segment -%}
        {%- set sql = cdp.cdp_replaced_segments(segment.where, "is_in_segment_\\1") -%}
        {%- do terms.append("coalesce((" ~ cdp.cdp_labelled_lines(sql, "/* segment " ~ segment.name ~ " */ ") ~ "\n            ), false)") -%}
    {%- endif -%}
    {%- for kind in ["model", "include"] if kind in segment -%}
        {%- do terms.append(kind ~ "_of_segment_" ~ segment.name) -%}
    {%- endfor -%}
    {%- set condition = "(" ~ terms | join(" or ") ~ ")" -%}
    {{- return(condition ~ (" and not exclude_of_segment_" ~ segment.name if "exclude" in segment else "")) -}}
{% endmacro %}


{# SQL with a comment before each of its lines, or before the first where a text in quotes goes over several. #}
{% macro cdp_labelled_lines(sql, comment) %}
    {%- set lines = sql.split("\n") -%}
    {%- for line in lines if line.count("'") % 2 or line.count('"') % 2 -%}
        {{- return(comment ~ sql) -}}
    {%- endfor -%}
    {{- return(comment ~ lines | join("\n" ~ comment)) -}}
{% endmacro %}
