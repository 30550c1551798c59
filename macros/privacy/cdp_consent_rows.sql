{# The CTEs that read what a model of the user's says of consents: given_<n>, its rows as they are, and said_by_model_<n>, whose they
   are by the CTE `names` of cdp__consents. As an event, a row is the person's of its strongest identifier that is known and not shared;
   one that names nobody who is known waits in the model. #}
{% macro cdp_consent_rows(statement, number) -%}
    {%- set text = dbt.type_string() -%}
    {%- set no_receipt = "cast(null as " ~ dbt.type_timestamp() ~ ")" -%}
    {%- set types = [] -%}
    {%- for type in [{"name": "canonical_id", "form": "id"}] + cdp.cdp_identifier_types() if type.name in statement.identifiers -%}
        {%- do types.append(type) -%}
    {%- endfor -%}
    {%- set owners = [] -%}
    {%- for type in types -%}
        {%- do owners.append("by_" ~ type.name ~ ".canonical_id") -%}
    {%- endfor -%}
given_{{ number }} as (

    select
        {%- for type in types %}
        {{ cdp.cdp_normalize_identifier(type.form, "cast(" ~ statement.identifiers[type.name] ~ " as " ~ text ~ ")") }}
            as identifier_{{ type.name }},
        {%- endfor %}
        {{ cdp.cdp_is_granted(cdp.cdp_consent_sql(statement)) }} as is_granted,
        {{ statement.said_at }} as given_at

    from {{ ref(statement.name) }}

),

dated_{{ number }} as (

    select
        *,
        {{ cdp.cdp_try_timestamp("given_at") }} as said_at

    from given_{{ number }}

),

-- What was said at a time that is yet to come would be the newest for ever.
said_by_model_{{ number }} as (

    select
        {{ "coalesce(" ~ owners | join(", ") ~ ")" if owners | length > 1 else owners[0] }} as canonical_id,
        '{{ statement.purpose }}' as purpose,
        dated_{{ number }}.is_granted,
        case
            when {{ cdp.cdp_timestamp_is_credible("dated_" ~ number ~ ".said_at", no_receipt) }}
                then dated_{{ number }}.said_at
        end as said_at,
        {{ cdp.cdp_text_literal("model " ~ statement.name) }} as source

    from dated_{{ number }}
    {%- for type in types %}

    left join names as by_{{ type.name }}
        on
            by_{{ type.name }}.identifier_type = '{{ type.name }}'
            and dated_{{ number }}.identifier_{{ type.name }} = by_{{ type.name }}.identifier_value
    {%- endfor %}

),
{%- endmacro %}


{# What the user says is given, with the purpose before it for the errors of the database. #}
{% macro cdp_consent_sql(statement) %}
    {{- return(cdp.cdp_labelled_lines(statement.granted, "/* consent " ~ statement.purpose ~ " */ ")) -}}
{% endmacro %}


{# Stops the run where a statement names a column that the profiles, or its model, do not have. #}
{% macro cdp_check_consent_columns(by_profile, by_model) %}
    {%- set conditions = {} -%}
    {%- for statement in by_profile -%}
        {%- do conditions.update({statement.place: statement.granted}) -%}
    {%- endfor -%}
    {%- do cdp.cdp_check_conditions(conditions, ref("cdp__user_profiles")) -%}
    {%- for statement in by_model -%}
        {%- set conditions = {statement.place ~ ", granted": statement.granted, statement.place ~ ", said_at": statement.said_at} -%}
        {%- for type, sql in statement.identifiers.items() -%}
            {%- do conditions.update({statement.place ~ ", identifiers, " ~ type: sql}) -%}
        {%- endfor -%}
        {%- do cdp.cdp_check_conditions(conditions, ref(statement.name)) -%}
    {%- endfor -%}
{% endmacro %}
