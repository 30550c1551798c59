{# Stops the run unless `entry` is a mapping that has every required key and no key that is neither
   required nor optional. `where` names the place, such as "cdp_sources, source 'web'". #}
{% macro cdp_check_keys(entry, where, required, optional=[]) %}
    {%- if entry is not mapping -%}
        {%- do exceptions.raise_compiler_error(where ~ ": expected a mapping of keys, got: " ~ entry) -%}
    {%- endif -%}
    {%- set allowed = required + optional -%}
    {%- for key in entry if key not in allowed -%}
        {%- do exceptions.raise_compiler_error(
            where ~ ": unknown key '" ~ key ~ "'." ~ cdp.cdp_did_you_mean(key, allowed) ~ " Allowed keys: " ~ allowed | join(", ") ~ "."
        ) -%}
    {%- endfor -%}
    {%- for key in required if entry[key] is not defined or entry[key] is none or entry[key] == "" -%}
        {%- do exceptions.raise_compiler_error(
            where ~ ": missing key '" ~ key ~ "'. Allowed keys: " ~ allowed | join(", ") ~ "."
        ) -%}
    {%- endfor -%}
{% endmacro %}
