{# A test of cdp__sync_runs: the sync has come to its end within the last hours; rows may have been rejected. A failing row has
   sync_name and last_ended_at, which is null where it never has. #}
{% test cdp_sync_is_fresh(model, sync, max_age_hours) %}

with

ended as (

    select max(ended_at) as last_ended_at

    from {{ model }}

    where
        sync_name = '{{ sync }}'
        and status in ('ok', 'partial')

)

select
    '{{ sync }}' as sync_name,
    last_ended_at

from ended

where
    last_ended_at is null
    or last_ended_at < {{ cdp.cdp_timestamp_add(cdp.cdp_as_of(), -max_age_hours, "hour") }}

{% endtest %}
