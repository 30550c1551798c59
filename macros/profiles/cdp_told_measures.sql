{# The measures of daily activity that keep what events say of their person or of a group, for which there is a row for
   every value:
     attributes   id -> the JSON paths of the person's attribute among an event's traits
     groups       id -> the JSON paths of a property of a group call, whose values have the group's id before them
     ids          that of the measure which keeps the ids of groups themselves #}
{% macro cdp_told_measures() %}
    {%- set attributes = {} -%}
    {%- for measure in cdp.cdp_attribute_measures().values() -%}
        {%- do attributes.update({measure.id: [measure.path]}) -%}
    {%- endfor -%}
    {{- return({"attributes": attributes, "groups": cdp.cdp_group_measures(), "ids": {"group": []}}) -}}
{% endmacro %}


{# Attribute of events -> the `id` of its measure, another one where it is read from another trait than that of its name, and the
   JSON `path` of that trait. #}
{% macro cdp_attribute_measures() %}
    {%- set said = cdp.cdp_survivorship() -%}
    {%- set measures = {} -%}
    {%- for name in cdp.cdp_event_attributes() -%}
        {%- set trait = said.get(name, {}).get("trait", name) -%}
        {%- do measures.update({name: {
            "id": "attribute." ~ name ~ ("." ~ trait if trait != name else ""), "path": cdp.cdp_json_path(trait)
        }}) -%}
    {%- endfor -%}
    {{- return(measures) -}}
{% endmacro %}


{# What a group call says of its group: measure -> the JSON paths of the properties, the first that is present counts. #}
{% macro cdp_group_measures() %}
    {{- return({
        "group.name": ["$.name"],
        "group.domain": ["$.domain", "$.website", "$.url"],
        "group.industry": ["$.industry"],
        "group.company_size": ["$.company_size", "$.employees"],
        "group.country": ["$.country"],
        "group.plan": ["$.plan"],
    }) -}}
{% endmacro %}


{# Which of them are read from which relation: those of the ids `filled` from all events, the others from those of the
   groups that have changed. #}
{% macro cdp_told_by_relation(filled) %}
    {%- set relations = {} -%}
    {%- for kind, ids in cdp.cdp_told_measures().items() -%}
        {%- for id in ids -%}
            {%- set chosen = relations.setdefault(
                "all_events" if id in filled else "events", {"attributes": {}, "groups": {}, "ids": {}}
            ) -%}
            {%- do chosen[kind].update({id: ids[id]}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(relations) -}}
{% endmacro %}


{# The CTEs that read such measures from a relation of events. The last one, told_<relation>, has a row for every event and
   value, with the columns group_key, timestamp, measure and value_key. #}
{% macro cdp_told_values(relation, told) -%}
    {%- set fields = {"attributes": {}, "groups": {}} -%}
    {%- set rows = [] -%}
    {%- for id, paths in told.attributes.items() -%}
        {%- do fields.attributes.update({"told_" ~ loop.index: paths}) -%}
        {%- do rows.append({"from": "attributes_of_" ~ relation, "id": id, "text": "told_" ~ loop.index, "value": "told_" ~ loop.index}) -%}
    {%- endfor -%}
    {%- set group = cdp.cdp_one_line("group_id") -%}
    {%- for id, paths in told.groups.items() -%}
        {%- do fields.groups.update({"told_" ~ loop.index: paths}) -%}
        {%- do rows.append({
            "from": "groups_of_" ~ relation, "id": id, "text": "told_" ~ loop.index,
            "value": dbt.concat([group, "chr(10)", "told_" ~ loop.index]),
        }) -%}
    {%- endfor -%}
    {%- for id in told.ids -%}
        {%- do rows.append({"from": relation, "id": id, "text": "group_id", "value": group}) -%}
    {%- endfor -%}
    {%- if told.attributes -%}
described_{{ relation }} as (

    select
        group_key,
        timestamp,
        traits

    from {{ relation }}

    where traits is not null

),

attributes_of_{{ relation }} as (

    {{ cdp.cdp_json_columns("described_" ~ relation, "traits", ["group_key", "timestamp"], fields.attributes) | indent(4) }}

),

{% endif -%}
    {%- if told.groups -%}
group_calls_of_{{ relation }} as (

    select
        group_key,
        timestamp,
        group_id,
        properties

    from {{ relation }}

    where
        event_type = 'group'
        and nullif(trim(group_id), '') is not null
        and properties is not null

),

groups_of_{{ relation }} as (

    {{ cdp.cdp_json_columns(
        "group_calls_of_" ~ relation, "properties", ["group_key", "timestamp", "group_id"], fields.groups
    ) | indent(4) }}

),

{% endif -%}
told_{{ relation }} as (
    {% for row in rows %}
    select
        group_key,
        timestamp,
        '{{ row.id }}' as measure,
        {{ row.value }} as value_key

    from {{ row["from"] }}

    where nullif(trim({{ row.text }}), '') is not null
    {{ "union all" if not loop.last }}
    {%- endfor %}

),
{%- endmacro %}


{# A text with blanks for its line ends. #}
{% macro cdp_one_line(expression) %}
    {{- return("trim(replace(" ~ expression ~ ", chr(10), ' '))") -}}
{% endmacro %}


{# Such measures over a relation with the columns of told_<relation>: a row for every group of events, measure and value. #}
{% macro cdp_told_sql(told) -%}
    {%- set no_number = "cast(null as " ~ cdp.cdp_type_number() ~ ")" -%}
    {%- set query -%}
    select
        group_key,
        measure,
        value_key,
        count(*) as event_count,
        0 as value_count,
        {{ no_number }} as value_sum,
        {{ no_number }} as value_min,
        {{ no_number }} as value_max,
        min(timestamp) as first_at,
        max(timestamp) as last_at

    from {{ told }}

    group by
        group_key,
        measure,
        value_key
    {%- endset -%}
    {{ cdp.cdp_in_order(query, "first_at") }}
{%- endmacro %}
