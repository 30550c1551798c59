{# The var cdp_segments, checked: every entry has `name` and either `where` (SQL over the columns of
   user_profiles) or `model` (a model of yours with canonical_id), and may have `description`. #}
{% macro cdp_segments() %}
    {%- set result = [] -%}
    {%- set seen = [] -%}
    {%- for entry in cdp.cdp_list_var("cdp_segments") -%}
        {%- set where = "cdp_segments, segment '" ~ (entry.name if entry is mapping and entry.name else "number " ~ loop.index) ~ "'" -%}
        {%- do cdp.cdp_check_keys(entry, where, ["name"], ["description", "where", "model"]) -%}
        {%- do cdp.cdp_check_name(entry.name, where, seen) -%}
        {%- do seen.append(entry.name) -%}
        {%- set key = cdp.cdp_check_one_of(entry, where, ["where", "model"]) -%}
        {%- if entry[key] is not string or not entry[key] | trim -%}
            {%- do exceptions.raise_compiler_error(where ~ ": " ~ key ~ " must be text, got: " ~ entry[key]) -%}
        {%- endif -%}
        {%- do result.append(entry) -%}
    {%- endfor -%}
    {{- return(result) -}}
{% endmacro %}
