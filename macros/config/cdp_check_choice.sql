{# Stops the run when `entry` has the key with another value than one of `choices`. #}
{% macro cdp_check_choice(entry, where, key, choices) %}
    {%- if key in entry and entry[key] not in choices -%}
        {%- do exceptions.raise_compiler_error(
            where ~ ": " ~ key ~ " must be one of " ~ choices | join(", ") ~ ", got: " ~ entry[key] ~ "."
            ~ cdp.cdp_did_you_mean(entry[key], choices)
        ) -%}
    {%- endif -%}
{% endmacro %}
