{# A query of the groups (see cdp_group_key) whose events have changed since the model's own last build:
   those of new events, and those that an event has left because an earlier version of it came late. #}
{% macro cdp_touched_groups() -%}
    {%- set changed = "select group_key, superseded_groups from " ~ ref("cdp__raw_events")
        ~ " where batch_id > " ~ cdp.cdp_last_batch() -%}
    select group_key

    from ({{ changed }}) as changed

    union distinct

    {{ cdp.cdp_split_rows("(" ~ changed ~ ") as changed", "superseded_groups", ";", "group_key") }}
{%- endmacro %}
