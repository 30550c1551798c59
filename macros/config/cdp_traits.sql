{# The computed traits of people, or of accounts, in order: the defaults and those of the var cdp_traits; one of the
   var's replaces a default of the same name. Every entry has `name` and one of
     count: events | days                  events, or days with one
     streak: days                          days with one, in a row up to the window's end
     sum, average, min, max: field         of a number
     earliest, latest: timestamp           a time
     count_distinct: field                 how many values
     most_frequent, first, last: field     one value
     recent: field                         the last values, each once, as a JSON array; as many as `limit`, by default 10
     sql: expression                       over the columns of the profile, other traits, and as_of_date
     model: name                           a column of that name in a model of yours with canonical_id (account_id)
     parts: name -> expression             a score: see cdp_score_sql; `sql` may stand beside it
   Those that read events may have `event` (a name or a list), `where` (SQL over an event's columns,
   properties.x and traits.x), `last_days` and `offset_days` (whole UTC days before cdp_as_of); a count of events or a
   sum may have `half_life_days`. With `entity: account` a trait is of accounts.
   A field is a canonical column, properties.x, traits.x, or the name of a property.
   Each result entry has `aggregate` and `field` besides, and those that are computed from others their `level`. #}
{% macro cdp_traits(entity="person") %}
    {%- set columns = {
        "person": cdp.cdp_profile_columns() + cdp.cdp_attributes(),
        "account": cdp.cdp_account_columns(),
    } -%}
    {%- set names = {"person": [], "account": []} -%}
    {%- set traits = {} -%}
    {%- for entry in cdp.cdp_default_traits() if entity == "person" -%}
        {%- do traits.update({entry.name: cdp.cdp_checked_trait(entry, "cdp_traits, trait '" ~ entry.name ~ "'", columns)}) -%}
    {%- endfor -%}
    {%- for entry in cdp.cdp_list_var("cdp_traits") -%}
        {%- set where = "cdp_traits, trait '" ~ (entry.name if entry is mapping and entry.name else "number " ~ loop.index) ~ "'" -%}
        {%- set trait = cdp.cdp_checked_trait(entry, where, columns) -%}
        {%- set of = trait.get("entity", "person") -%}
        {%- do cdp.cdp_check_name(trait.name, where, names[of]) -%}
        {%- do names[of].append(trait.name) -%}
        {%- if of == entity -%}
            {%- do traits.update({trait.name: trait}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(cdp.cdp_ordered_traits(traits.values() | list)) -}}
{% endmacro %}


{# A trait's entry with its `aggregate` and `field`; stops the run when it is not as it must be. `columns` are those that
   the profiles of each entity have besides traits. #}
{% macro cdp_checked_trait(entry, where, columns) %}
    {%- set aggregates = [
        "count", "streak", "sum", "average", "min", "max", "earliest", "latest", "count_distinct", "most_frequent", "first", "last",
        "recent", "sql", "model", "parts"
    ] -%}
    {%- set options = ["event", "where", "last_days", "offset_days", "half_life_days", "limit"] -%}
    {%- do cdp.cdp_check_keys(entry, where, ["name"], ["description", "entity"] + aggregates + options) -%}
    {%- do cdp.cdp_check_name(entry.name, where) -%}
    {%- do cdp.cdp_check_choice(entry, where, "entity", ["person", "account"]) -%}
    {%- if entry.name in columns[entry.get("entity", "person")] + ["as_of_date"] -%}
        {%- do exceptions.raise_compiler_error(where ~ ": the profile has a column of that name already.") -%}
    {%- endif -%}
    {%- if "parts" in entry -%}
        {%- set aggregate = cdp.cdp_check_one_of(entry, where, aggregates | reject("equalto", "sql") | list) -%}
        {%- do cdp.cdp_check_parts(entry, where) -%}
        {%- set field = entry.parts.values() | join(" ") ~ " " ~ modules.re.sub("\\bparts[.][a-z0-9_]+", "", entry.get("sql", "")) -%}
    {%- else -%}
        {%- set aggregate = cdp.cdp_check_one_of(entry, where, aggregates) -%}
        {%- set field = entry[aggregate] -%}
    {%- endif -%}
    {%- do cdp.cdp_check_choice(entry, where, "count", ["events", "days"]) -%}
    {%- do cdp.cdp_check_choice(entry, where, "streak", ["days"]) -%}
    {%- if aggregate in ["earliest", "latest"] and field != "timestamp" -%}
        {%- do exceptions.raise_compiler_error(
            where ~ ": " ~ aggregate ~ " must be timestamp; for the value of an event use "
            ~ {"earliest": "first", "latest": "last"}[aggregate] ~ ", got: " ~ field
        ) -%}
    {%- endif -%}
    {%- if field is not string -%}
        {%- do exceptions.raise_compiler_error(where ~ ": " ~ aggregate ~ " must be text, got: " ~ field) -%}
    {%- endif -%}
    {%- do cdp.cdp_check_trait_options(entry, where, aggregate, options) -%}
    {{- return(dict(entry, aggregate=aggregate, field=field)) -}}
{% endmacro %}


{% macro cdp_check_trait_options(entry, where, aggregate, options) %}
    {%- for option in options if option in entry -%}
        {%- if aggregate in ["sql", "model", "parts"] -%}
            {%- do exceptions.raise_compiler_error(where ~ ": " ~ option ~ " has no meaning beside " ~ aggregate ~ ".") -%}
        {%- endif -%}
        {%- if option not in ["event", "where"] and (entry[option] is not integer or entry[option] < 1) -%}
            {%- do exceptions.raise_compiler_error(where ~ ": " ~ option ~ " must be a whole number from 1, got: " ~ entry[option]) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if "limit" in entry and aggregate != "recent" -%}
        {%- do exceptions.raise_compiler_error(where ~ ": limit has a meaning beside recent only.") -%}
    {%- endif -%}
    {%- if "half_life_days" in entry and entry.count != "events" and aggregate != "sum" -%}
        {%- do exceptions.raise_compiler_error(where ~ ": half_life_days has a meaning beside `count: events` and sum only.") -%}
    {%- endif -%}
    {%- do cdp.cdp_event_names(entry, where) -%}
    {%- if "where" in entry and entry.where is not string -%}
        {%- do exceptions.raise_compiler_error(where ~ ": where must be text, got: " ~ entry.where) -%}
    {%- endif -%}
    {%- if "offset_days" in entry and "last_days" not in entry -%}
        {%- do exceptions.raise_compiler_error(where ~ ": offset_days needs last_days.") -%}
    {%- endif -%}
{% endmacro %}


{% macro cdp_check_parts(entry, where) %}
    {%- if entry.parts is not mapping or not entry.parts -%}
        {%- do exceptions.raise_compiler_error(where ~ ": parts must be a mapping of names to SQL, got: " ~ entry.parts) -%}
    {%- endif -%}
    {%- for name, sql in entry.parts.items() -%}
        {%- do cdp.cdp_check_name(name, where ~ ", parts") -%}
        {%- if sql is not string -%}
            {%- do exceptions.raise_compiler_error(where ~ ": the part " ~ name ~ " must be SQL, got: " ~ sql) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if "sql" in entry and entry.sql is not string -%}
        {%- do exceptions.raise_compiler_error(where ~ ": sql must be text, got: " ~ entry.sql) -%}
    {%- endif -%}
    {%- for name in modules.re.findall("\\bparts[.]([a-z0-9_]+)", entry.get("sql", "")) if name not in entry.parts -%}
        {%- do exceptions.raise_compiler_error(
            where ~ ": sql names the part " ~ name ~ ", which is not among " ~ entry.parts.keys() | join(", ") ~ "."
            ~ cdp.cdp_did_you_mean(name, entry.parts.keys() | list)
        ) -%}
    {%- endfor -%}
{% endmacro %}


{# The traits so that each comes after those that its SQL names: first those that events give, then those of models, then the
   others by dependency. Those of one `level` need none of the same. Stops the run when some wait for each other. #}
{% macro cdp_ordered_traits(traits) %}
    {%- set ordered = traits | rejectattr("aggregate", "in", ["sql", "model", "parts"]) | list
        + traits | selectattr("aggregate", "equalto", "model") | list -%}
    {%- set waiting = traits | selectattr("aggregate", "in", ["sql", "parts"]) | list -%}
    {%- for level in range(1, waiting | length + 1) if waiting -%}
        {%- set names = waiting | map(attribute="name") | list -%}
        {%- set ready = [] -%}
        {%- for trait in waiting if not cdp.cdp_names_in(trait.field) | select("in", names) | list -%}
            {%- do ready.append(trait) -%}
        {%- endfor -%}
        {%- for trait in ready -%}
            {%- do ordered.append(dict(trait, level=level)) -%}
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


{# The words of an SQL expression that may be names of columns. #}
{% macro cdp_names_in(sql) %}
    {{- return(modules.re.findall("[a-z_][a-z0-9_]*", modules.re.sub("'[^']*'", " ", sql | lower))) -}}
{% endmacro %}
