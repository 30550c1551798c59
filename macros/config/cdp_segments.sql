{# The segments of people, or of accounts, in order: the entries of the var cdp_segments, checked. Every entry has `name` and
   at least one of
     where       SQL over the columns of user_profiles (account_profiles), in which in_segment('x') is membership in another
     model       a model of yours with canonical_id (account_id)
     include     a model or seed of yours that lists identifiers (identifier_type, identifier_value), or account_id, of members
   and may have
     exclude     a list like include, of those who are never members
     enter_after how long the condition must have held before somebody enters, such as `2 hours` or `3 days`
     exit_after  how long it must have failed before somebody leaves
     entity, description, owner, tags
   Each result entry has `level` besides: it needs only segments of a lower level. #}
{% macro cdp_segments(entity="person") %}
    {%- set names = {"person": [], "account": []} -%}
    {%- set segments = [] -%}
    {%- for entry in cdp.cdp_list_var("cdp_segments") -%}
        {%- set where = "cdp_segments, segment '" ~ (entry.name if entry is mapping and entry.name else "number " ~ loop.index) ~ "'" -%}
        {%- set segment = cdp.cdp_checked_segment(entry, where) -%}
        {%- do cdp.cdp_check_name(segment.name, where, names[segment.entity]) -%}
        {%- do names[segment.entity].append(segment.name) -%}
        {%- if segment.entity == entity -%}
            {%- do segments.append(segment) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(cdp.cdp_ordered_segments(segments)) -}}
{% endmacro %}


{% macro cdp_checked_segment(entry, where) %}
    {%- set sources = ["where", "model", "include"] -%}
    {%- do cdp.cdp_check_keys(
        entry, where, ["name"],
        ["description", "owner", "tags", "entity"] + sources + ["exclude", "enter_after", "exit_after"]
    ) -%}
    {%- do cdp.cdp_check_choice(entry, where, "entity", ["person", "account"]) -%}
    {%- if not sources | select("in", entry) | list -%}
        {%- do exceptions.raise_compiler_error(where ~ ": give one of where, model, include.") -%}
    {%- elif "where" in entry and "model" in entry -%}
        {%- do exceptions.raise_compiler_error(where ~ ": give one of where, model; got both.") -%}
    {%- endif -%}
    {%- for key in ["where", "model", "include", "exclude", "owner", "description"] if key in entry -%}
        {%- if entry[key] is not string or not entry[key] | trim -%}
            {%- do exceptions.raise_compiler_error(where ~ ": " ~ key ~ " must be text, got: " ~ entry[key]) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if "tags" in entry and (entry.tags is string or entry.tags is not sequence) -%}
        {%- do exceptions.raise_compiler_error(where ~ ": tags must be a list, got: " ~ entry.tags) -%}
    {%- endif -%}
    {%- set dwell = {} -%}
    {%- for key in ["enter_after", "exit_after"] if key in entry -%}
        {%- do dwell.update({key ~ "_minutes": cdp.cdp_minutes(entry[key], where ~ ": " ~ key)}) -%}
    {%- endfor -%}
    {{- return(dict(entry, entity=entry.get("entity", "person"), **dwell)) -}}
{% endmacro %}


{# A duration such as `90 minutes`, `2 hours` or `1 day` in minutes; stops the run when it is none. #}
{% macro cdp_minutes(duration, where) %}
    {%- set match = modules.re.match("^([1-9][0-9]*) (minute|hour|day)s?$", duration | string) -%}
    {%- if not match -%}
        {%- do exceptions.raise_compiler_error(where ~ " must be a duration such as 90 minutes, 2 hours or 3 days, got: " ~ duration) -%}
    {%- endif -%}
    {{- return((match.group(1) | int) * {"minute": 1, "hour": 60, "day": 1440}[match.group(2)]) -}}
{% endmacro %}


{# The segments so that each comes after those that its condition names. Stops the run when one is not there, or some wait for
   each other. #}
{% macro cdp_ordered_segments(segments) %}
    {%- set all_names = segments | map(attribute="name") | list -%}
    {%- set ordered = [] -%}
    {%- set waiting = [] -%}
    {%- for segment in segments -%}
        {%- set needs = cdp.cdp_segments_in(segment.get("where", "")) -%}
        {%- for name in needs if name not in all_names -%}
            {%- do exceptions.raise_compiler_error(
                "cdp_segments, segment '" ~ segment.name ~ "': there is no segment '" ~ name ~ "' of the same entity."
                ~ cdp.cdp_did_you_mean(name, all_names)
            ) -%}
        {%- endfor -%}
        {%- do waiting.append(dict(segment, needs=needs)) -%}
    {%- endfor -%}
    {%- for level in range(1, segments | length + 1) if waiting -%}
        {%- set names = waiting | map(attribute="name") | list -%}
        {%- set ready = [] -%}
        {%- for segment in waiting if not segment.needs | select("in", names) | list -%}
            {%- do ready.append(segment) -%}
        {%- endfor -%}
        {%- for segment in ready -%}
            {%- do ordered.append(dict(segment, level=level)) -%}
            {%- do waiting.remove(segment) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if waiting -%}
        {%- do exceptions.raise_compiler_error(
            "cdp_segments: " ~ waiting | map(attribute="name") | join(", ") ~ " wait for each other; a condition must not name a segment that names it."
        ) -%}
    {%- endif -%}
    {{- return(ordered) -}}
{% endmacro %}


{# Those of them that somebody enters or leaves after a while only. #}
{% macro cdp_segments_with_dwell(entity) %}
    {%- set found = [] -%}
    {%- for segment in cdp.cdp_segments(entity) if segment.enter_after or segment.exit_after -%}
        {%- do found.append(segment) -%}
    {%- endfor -%}
    {{- return(found) -}}
{% endmacro %}


{# A condition with something else for every in_segment('x'), in which \1 is the x. #}
{% macro cdp_replaced_segments(condition, replacement) %}
    {{- return(modules.re.sub("\\bin_segment\\(\\s*'([^']*)'\\s*\\)", replacement, condition)) -}}
{% endmacro %}


{# The names in in_segment('x') in a condition. #}
{% macro cdp_segments_in(condition) %}
    {{- return(modules.re.findall("\\bin_segment\\(\\s*'([^']*)'\\s*\\)", condition) | unique | list) -}}
{% endmacro %}
