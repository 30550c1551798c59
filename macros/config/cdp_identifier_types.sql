{# The identifier types in priority order, strongest first, each a mapping of
     name            identifier_type in every table
     priority        1 is the strongest; types of one priority are equals
     max_per_person  how many values of it one person may have
     max_people      how many people it may touch before it is shared
     counts          which pieces count as people for max_people: all of them, those with a user_id,
                     or the named ones (that hold a user_id or an email)
     form            how values are normalised: email, phone or id
   The var cdp_identifiers (a list) changes one by its name or adds a type. #}
{% macro cdp_identifier_types() %}
    {%- set types = {
        "user_id": {"priority": 1, "max_per_person": 1, "max_people": 1, "counts": "all", "form": "id"},
        "crm_id": {"priority": 2, "max_per_person": 5, "max_people": 1, "counts": "all", "form": "id"},
        "billing_id": {"priority": 2, "max_per_person": 5, "max_people": 1, "counts": "all", "form": "id"},
        "support_id": {"priority": 2, "max_per_person": 5, "max_people": 1, "counts": "all", "form": "id"},
        "email": {"priority": 3, "max_per_person": 5, "max_people": 1, "counts": "user_id", "form": "email"},
        "phone": {"priority": 4, "max_per_person": 5, "max_people": 2, "counts": "named", "form": "phone"},
        "device_id": {"priority": 5, "max_per_person": 10, "max_people": 1, "counts": "named", "form": "id"},
        "anonymous_id": {"priority": 6, "max_per_person": 100, "max_people": 1, "counts": "named", "form": "id"},
    } -%}
    {%- set addition = {"priority": 5, "max_per_person": 5, "max_people": 1, "counts": "named", "form": "id"} -%}
    {%- set choices = {"counts": ["all", "user_id", "named"], "form": ["id", "email", "phone"]} -%}
    {%- set reserved = [
        "source", "record_id", "identifier_type", "updated_at", "loaded_at", "tuple_key", "reject_reason", "version_rank"
    ] -%}
    {%- set seen = [] -%}
    {%- for entry in cdp.cdp_list_var("cdp_identifiers") -%}
        {%- set where = "cdp_identifiers, type '" ~ (entry.name if entry is mapping else "") ~ "'" -%}
        {%- do cdp.cdp_check_keys(entry, where, ["name"], addition.keys() | list) -%}
        {%- do cdp.cdp_check_name(entry.name, where, seen) -%}
        {%- if entry.name in reserved or entry.name.startswith("attribute_") -%}
            {%- do exceptions.raise_compiler_error(where ~ ": the name is taken by a column of the package.") -%}
        {%- endif -%}
        {%- do seen.append(entry.name) -%}
        {%- for key in ["priority", "max_per_person", "max_people"] if key in entry -%}
            {%- if entry[key] is not integer or entry[key] < 1 -%}
                {%- do exceptions.raise_compiler_error(where ~ ": " ~ key ~ " must be a whole number from 1, got: " ~ entry[key]) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- for key in choices -%}
            {%- do cdp.cdp_check_choice(entry, where, key, choices[key]) -%}
        {%- endfor -%}
        {%- set base = dict(types.get(entry.name, addition)) -%}
        {%- do base.update(entry) -%}
        {%- do types.update({entry.name: base}) -%}
    {%- endfor -%}
    {%- set result = [] -%}
    {%- for name, type in types.items() -%}
        {%- do result.append(dict(type, name=name)) -%}
    {%- endfor -%}
    {{- return(result | sort(attribute="priority")) -}}
{% endmacro %}
