{# A query of the groups (see cdp_group_key) whose events have changed since the model's own last build:
   those of new events, and those that an event has left because an earlier version of it came late. A group whose events
   have expired and were deleted is none of them: what was kept of it stays as it is.

     retention  the relation of stg_cdp__retention #}
{% macro cdp_touched_groups(retention) -%}
    {%- set changed = "select group_key, superseded_groups from " ~ ref("cdp__raw_events")
        ~ " where batch_id > " ~ cdp.cdp_last_batch() -%}
    select changed_groups.group_key

    from (
        select group_key

        from ({{ changed }}) as changed

        union all

        {{ cdp.cdp_split_rows("(" ~ changed ~ ") as changed", "superseded_groups", ";", "group_key") | indent(8) }}
    ) as changed_groups

    left join {{ retention }} as retention
        on {{ dbt.split_part("changed_groups.group_key", "' '", 2) }} = retention.source

    group by changed_groups.group_key

    {#- The count leaves out none. It tells a planner that these are few: to look them up, and not what they are sought in. #}

    having
        count(*) > 0
        and (
            max(retention.deleted_before) is null
            or {{ dbt.split_part("changed_groups.group_key", "' '", 3) }} >= cast(max(retention.deleted_before) as {{ dbt.type_string() }})
        )
{%- endmacro %}
