{# The CTEs that add the traits which are not computed from events to the relation: `with_models` those of the user's models,
   then `computed_1` and so on, one for each level of those that need others, with `scored_1` before it for the parts of scores.
   The last of them is named by cdp_derived_relation. #}
{% macro cdp_derived_traits(traits, relation, key="canonical_id") -%}
    {%- set last = namespace(name=relation) -%}
    {%- set given = traits | selectattr("aggregate", "equalto", "model") | list -%}
    {%- if given %}
with_models as (

    select
        {%- for trait in given %}
        given_{{ loop.index }}.{{ trait.name }},
        {%- endfor %}
        profiles.*

    from {{ last.name }} as profiles
    {% for trait in given %}
    left join {{ ref(trait.field) }} as given_{{ loop.index }} on profiles.{{ key }} = given_{{ loop.index }}.{{ key }}
    {% endfor %}
),
{% set last.name = "with_models" -%}
    {%- endif %}
    {%- for level, members in traits | selectattr("level", "defined") | groupby("level") %}
    {%- set scores = members | selectattr("aggregate", "equalto", "parts") | list %}
    {%- if scores %}
scored_{{ level }} as (

    select
        {%- for score in scores %}
        {%- for part, sql in score.parts.items() %}
        /* trait {{ score.name }}, part {{ part }} */ {{ sql }} as {{ cdp.cdp_part_column(score, part) }},
        {%- endfor %}
        {%- endfor %}
        *

    from {{ last.name }}

),
{% set last.name = "scored_" ~ level -%}
    {%- endif %}
computed_{{ level }} as (

    select
        {%- for trait in members %}
        /* trait {{ trait.name }} */ {{ cdp.cdp_score_sql(trait) if trait.aggregate == "parts" else trait.field }} as {{ trait.name }},
        {%- endfor %}
        *

    from {{ last.name }}

),
{% set last.name = "computed_" ~ level -%}
    {%- endfor %}
{%- endmacro %}


{# The name of the last of those CTEs. #}
{% macro cdp_derived_relation(traits, relation) %}
    {%- set levels = traits | selectattr("level", "defined") | map(attribute="level") | list -%}
    {%- if levels -%}
        {{- return("computed_" ~ levels | max) -}}
    {%- endif -%}
    {{- return("with_models" if traits | selectattr("aggregate", "equalto", "model") | list else relation) -}}
{% endmacro %}
