{# The probabilistic rules, by name, each a mapping of
     action     ignore, review (a person decides) or merge (joined like seen together, in the last place)
     threshold  the score from which on a pair is reviewed or merged, above 0 and at most 1
   The var cdp_match_rules (a list) changes one by its name. What a rule compares is told where it is computed:
   cdp_match_same_device, cdp_match_same_name_and_title, cdp_match_continued_visit. #}
{% macro cdp_match_rules() %}
    {%- set rules = {
        "same_device": {"action": "review", "threshold": 0.8},
        "same_name_and_title": {"action": "review", "threshold": 0.9},
        "continued_visit": {"action": "review", "threshold": 0.8},
    } -%}
    {%- set seen = [] -%}
    {%- for entry in cdp.cdp_list_var("cdp_match_rules") -%}
        {%- set where = "cdp_match_rules, rule '" ~ (entry.name if entry is mapping else "") ~ "'" -%}
        {%- do cdp.cdp_check_keys(entry, where, ["name"], ["action", "threshold"]) -%}
        {%- do cdp.cdp_check_name(entry.name, where, seen) -%}
        {%- do seen.append(entry.name) -%}
        {%- if entry.name not in rules -%}
            {%- do exceptions.raise_compiler_error(where ~ ": there is no such rule. The rules: " ~ rules.keys() | join(", ") ~ ".") -%}
        {%- endif -%}
        {%- do cdp.cdp_check_choice(entry, where, "action", ["ignore", "review", "merge"]) -%}
        {%- if entry.threshold is defined and (entry.threshold is not number or entry.threshold is boolean or entry.threshold <= 0 or entry.threshold > 1) -%}
            {%- do exceptions.raise_compiler_error(where ~ ": threshold must be a number above 0 and at most 1, got: " ~ entry.threshold) -%}
        {%- endif -%}
        {%- do rules.update({entry.name: dict(rules[entry.name], **entry)}) -%}
    {%- endfor -%}
    {{- return(rules) -}}
{% endmacro %}
