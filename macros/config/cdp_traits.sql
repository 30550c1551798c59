{# The computed traits, in order: the defaults and those of the var cdp_traits; one of the var's replaces
   a default of the same name. Every entry has `name` and exactly one of
     count: events | days                  events, or days with one
     streak: days                          days with one, in a row up to the window's end
     sum, average, min, max: field         of a number
     earliest, latest: timestamp           a time
     count_distinct: field                 how many values
     most_frequent, first, last: field     one value
     recent: field                         the last values, each once, as a JSON array; as many as `limit`, by default 10
     sql: expression                       over the columns of the profile and other traits
     model: name                           a column of that name in a model of yours with canonical_id
   and those that read events may have `event` (a name or a list), `where` (SQL over an event's columns,
   properties.x and traits.x), `last_days` and `offset_days` (whole UTC days before cdp_as_of).
   A field is a canonical column, properties.x, traits.x, or the name of a property.
   Each result entry has `aggregate` and `field` besides. #}
{% macro cdp_traits() %}
    {%- set own = cdp.cdp_list_var("cdp_traits") -%}
    {%- set names = [] -%}
    {%- set traits = {} -%}
    {%- for entry in cdp.cdp_default_traits() -%}
        {%- do traits.update({entry.name: cdp.cdp_checked_trait(entry, "cdp_traits, trait '" ~ entry.name ~ "'")}) -%}
    {%- endfor -%}
    {%- for entry in own -%}
        {%- set where = "cdp_traits, trait '" ~ (entry.name if entry is mapping and entry.name else "number " ~ loop.index) ~ "'" -%}
        {%- set trait = cdp.cdp_checked_trait(entry, where) -%}
        {%- do cdp.cdp_check_name(trait.name, where, names) -%}
        {%- do names.append(trait.name) -%}
        {%- do traits.update({trait.name: trait}) -%}
    {%- endfor -%}
    {{- return(cdp.cdp_ordered_traits(traits.values() | list)) -}}
{% endmacro %}


{# A trait's entry with its `aggregate` and `field`; stops the run when it is not as it must be. #}
{% macro cdp_checked_trait(entry, where) %}
    {%- set aggregates = [
        "count", "streak", "sum", "average", "min", "max", "earliest", "latest", "count_distinct", "most_frequent", "first", "last",
        "recent", "sql", "model"
    ] -%}
    {%- set options = ["event", "where", "last_days", "offset_days", "limit"] -%}
    {%- do cdp.cdp_check_keys(entry, where, ["name"], ["description"] + aggregates + options) -%}
    {%- do cdp.cdp_check_name(entry.name, where) -%}
    {%- if entry.name in cdp.cdp_profile_columns() + cdp.cdp_attributes() -%}
        {%- do exceptions.raise_compiler_error(where ~ ": the profile has a column of that name already.") -%}
    {%- endif -%}
    {%- set aggregate = cdp.cdp_check_one_of(entry, where, aggregates) -%}
    {%- set field = entry[aggregate] -%}
    {%- do cdp.cdp_check_choice(entry, where, "count", ["events", "days"]) -%}
    {%- do cdp.cdp_check_choice(entry, where, "streak", ["days"]) -%}
    {%- if aggregate in ["earliest", "latest"] and field != "timestamp" -%}
        {%- do exceptions.raise_compiler_error(
            where ~ ": " ~ aggregate ~ " must be timestamp; for the value of an event use "
            ~ {"earliest": "first", "latest": "last"}[aggregate] ~ ", got: " ~ field
        ) -%}
    {%- endif -%}
    {%- if "limit" in entry and aggregate != "recent" -%}
        {%- do exceptions.raise_compiler_error(where ~ ": limit has a meaning beside recent only.") -%}
    {%- endif -%}
    {%- if field is not string -%}
        {%- do exceptions.raise_compiler_error(where ~ ": " ~ aggregate ~ " must be text, got: " ~ field) -%}
    {%- endif -%}
    {%- for option in options if option in entry -%}
        {%- if aggregate in ["sql", "model"] -%}
            {%- do exceptions.raise_compiler_error(where ~ ": " ~ option ~ " has no meaning beside " ~ aggregate ~ ".") -%}
        {%- endif -%}
        {%- if option in ["last_days", "offset_days", "limit"] and (entry[option] is not integer or entry[option] < 1) -%}
            {%- do exceptions.raise_compiler_error(where ~ ": " ~ option ~ " must be a whole number from 1, got: " ~ entry[option]) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set events = [entry.event] if entry.event is string else entry.get("event", []) -%}
    {%- if events is mapping or events is not sequence or events | select("string") | list | length != events | length -%}
        {%- do exceptions.raise_compiler_error(where ~ ": event must be a name or a list of names, got: " ~ entry.event) -%}
    {%- endif -%}
    {%- if "where" in entry and entry.where is not string -%}
        {%- do exceptions.raise_compiler_error(where ~ ": where must be text, got: " ~ entry.where) -%}
    {%- endif -%}
    {%- if "offset_days" in entry and "last_days" not in entry -%}
        {%- do exceptions.raise_compiler_error(where ~ ": offset_days needs last_days.") -%}
    {%- endif -%}
    {{- return(dict(entry, aggregate=aggregate, field=field)) -}}
{% endmacro %}


{# The traits so that each comes after those that its SQL names: first those that events give, then the others
   by dependency. Stops the run when some wait for each other. #}
{% macro cdp_ordered_traits(traits) %}
    {%- set ordered = traits | rejectattr("aggregate", "in", ["sql", "model"]) | list -%}
    {%- set waiting = traits | selectattr("aggregate", "in", ["sql", "model"]) | list -%}
    {%- for turn in range(waiting | length) -%}
        {%- set names = waiting | map(attribute="name") | list -%}
        {%- set ready = [] -%}
        {%- for trait in waiting -%}
            {%- set words = modules.re.findall("[a-z_][a-z0-9_]*", modules.re.sub("'[^']*'", " ", trait.field | lower)) -%}
            {%- if trait.aggregate == "model" or not words | select("in", names) | list -%}
                {%- do ready.append(trait) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- for trait in ready -%}
            {%- do ordered.append(trait) -%}
            {%- do waiting.remove(trait) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if waiting -%}
        {%- do exceptions.raise_compiler_error(
            "cdp_traits: " ~ waiting | map(attribute="name") | join(", ") ~ " wait for each other; the sql of one must not name another of them."
        ) -%}
    {%- endif -%}
    {{- return(ordered) -}}
{% endmacro %}


{# The traits that every profile has unless cdp_traits replaces them; docs/profiles.md explains the formulas. #}
{% macro cdp_default_traits() %}
    {{- return([
        {"name": "total_page_views", "count": "events", "event": "page_viewed"},
        {"name": "active_days_30d", "count": "days", "last_days": 30},
        {"name": "product_days_30d", "count": "days", "last_days": 30,
         "where": "user_id is not null and event_type not in ('page_viewed', 'email_opened', 'email_clicked')"},
        {"name": "pricing_views_30d", "count": "events", "event": "page_viewed", "where": "page_path like '/pricing%'", "last_days": 30},
        {"name": "hand_raises_30d", "count": "events", "event": ["demo_requested", "form_submitted"], "last_days": 30},
        {"name": "last_active_date", "sql": "cast(last_active as date)"},
        {"name": "product_usage_score", "sql": "cast(least(100, product_days_30d * 5) as " ~ dbt.type_bigint() ~ ")"},
        {"name": "engagement_level",
         "sql": "case when active_days_30d >= 10 then 'high' when active_days_30d >= 3 then 'medium' when active_days_30d >= 1 then 'low' else 'none' end"},
        {"name": "lead_score",
         "sql": "cast(case when company is not null then 15 else 0 end"
            ~ " + case when job_title is not null then 15 else 0 end"
            ~ " + case when is_business_email then 20 else 0 end"
            ~ " + least(30, pricing_views_30d * 10)"
            ~ " + case when hand_raises_30d > 0 then 20 else 0 end as " ~ dbt.type_bigint() ~ ")"},
    ]) -}}
{% endmacro %}
