{# The measures of daily activity that the traits need, and the consents that people give by events: two traits that differ in
   their window or their aggregate alone share one. Each has
     id       stable over builds, a fingerprint of what it measures
     event    list of event types, empty for all
     where    SQL condition or none
     value    SQL of the number or the text that is measured, or none
     is_keyed whether rows are kept for each value (to count, rank or list values)
     traits   names of the traits that need it
     purposes names of the purposes that it tells the consent to #}
{% macro cdp_measures() %}
    {%- set measures = {} -%}
    {%- for trait in cdp.cdp_traits() + cdp.cdp_traits("account") if trait.aggregate not in ["sql", "model", "parts"] -%}
        {%- set measure = cdp.cdp_trait_measure(trait) -%}
        {%- do measures.setdefault(measure.id, dict(measure, traits=[], purposes=[])).traits.append(trait.name) -%}
    {%- endfor -%}
    {%- for statement in cdp.cdp_consent_by("event") -%}
        {%- set measure = cdp.cdp_consent_measure(statement) -%}
        {%- do measures.setdefault(measure.id, dict(measure, traits=[], purposes=[])).purposes.append(statement.purpose) -%}
    {%- endfor -%}
    {{- return(measures.values() | list) -}}
{% endmacro %}


{# The ids of all that the table keeps: these, and what cdp_told_measures says. #}
{% macro cdp_measure_ids() %}
    {%- set told = cdp.cdp_told_measures() -%}
    {{- return(
        cdp.cdp_measures() | map(attribute="id") | list + told.attributes.keys() | list + told.groups.keys() | list + told.ids.keys() | list
    ) -}}
{% endmacro %}


{% macro cdp_trait_measure(trait) %}
    {%- set is_keyed = trait.aggregate in ["count_distinct", "most_frequent", "first", "last", "recent"] -%}
    {%- set has_value = is_keyed or trait.aggregate in ["sum", "average", "min", "max"] -%}
    {%- set events = trait.get("event") or [] -%}
    {%- set measure = {
        "event": [events] if events is string else events | sort,
        "where": trait.get("where"),
        "value": cdp.cdp_event_field(trait.field) if has_value else none,
        "is_keyed": is_keyed,
    } -%}
    {# By what the user has written and not by its SQL, which a new version of the package may write otherwise. #}
    {%- set identity = [measure.event, measure.where, trait.field if has_value else "", is_keyed] -%}
    {%- do measure.update({"id": local_md5(identity | string)[:16]}) -%}
    {{- return(measure) -}}
{% endmacro %}


{# What an event says of a consent, kept as when it was said last on each day, once for yes and once for no. #}
{% macro cdp_consent_measure(statement) %}
    {%- set granted = cdp.cdp_is_granted(cdp.cdp_event_expression(statement.granted)) -%}
    {{- return({
        "event": [statement.name],
        "where": none,
        "value": granted,
        "is_keyed": true,
        "id": local_md5(["consent", statement.name, statement.granted] | string)[:16],
    }) -}}
{% endmacro %}


{# One measure over a relation of events, a row for every group of events (see cdp_group_key) and value. #}
{% macro cdp_measure_sql(measure, events) -%}
    {# The database's word on a broken expression shows its line. #}
    {%- set users = [] -%}
    {%- for kind, names in {"trait": measure.traits, "consent": measure.purposes}.items() if names -%}
        {%- do users.append(kind ~ " " ~ names | join(", ")) -%}
    {%- endfor -%}
    {%- set named = "/* " ~ users | join(", ") ~ " */ " -%}
    {%- set conditions = [] -%}
    {%- if measure.event -%}
        {%- set names = [] -%}
        {%- for name in measure.event -%}
            {%- do names.append("'" ~ dbt.escape_single_quotes(name) ~ "'") -%}
        {%- endfor -%}
        {%- do conditions.append("event_type in (" ~ names | join(", ") ~ ")") -%}
    {%- endif -%}
    {%- if measure.where -%}
        {%- do conditions.append(named ~ "(" ~ cdp.cdp_event_expression(measure.where) ~ ")") -%}
    {%- endif -%}
    {%- set text = (named if measure.value else "") ~ "cast(" ~ (measure.value or "null") ~ " as " ~ dbt.type_string() ~ ")" -%}
    {%- if measure.is_keyed -%}
        {%- do conditions.append(text ~ " is not null") -%}
    {%- endif -%}
    {%- set number = "cast(null as " ~ cdp.cdp_type_number() ~ ")" if measure.is_keyed or not measure.value
        else cdp.cdp_try_number(text) -%}
    {%- set query -%}
    select
        group_key,
        '{{ measure.id }}' as measure,
        {{ text if measure.is_keyed else "''" }} as value_key,
        count(*) as event_count,
        count({{ number }}) as value_count,
        sum({{ number }}) as value_sum,
        min({{ number }}) as value_min,
        max({{ number }}) as value_max,
        min(timestamp) as first_at,
        max(timestamp) as last_at

    from {{ events }}

    {% if conditions -%}
    where
        {{ conditions | join("\n        and ") }}

    {% endif -%}
    group by
        group_key,
        value_key
    {%- endset -%}
    {{ cdp.cdp_in_order(query, "first_at") }}
{%- endmacro %}
