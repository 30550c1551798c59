{# A test of cdp__sync_runs: in the last run of each sync that has ended no more than `max_share` of the rows that were answered for
   were rejected, a share such as 0.05; `sync` names one of them. A failing row has sync_name, acknowledged and rejected. #}
{% test cdp_sync_rejects_few(model, max_share=0.05, sync=none) %}

with

ended as (

    select
        sync_name,
        acknowledged,
        rejected,
        row_number() over (
            partition by sync_name
            order by started_at desc
        ) as age

    from {{ model }}

    where status in ('ok', 'partial')
        {%- if sync is not none %}
        and sync_name = '{{ sync }}'
        {%- endif %}

)

select
    sync_name,
    acknowledged,
    rejected

from ended

where
    age = 1
    and rejected > {{ max_share }} * (acknowledged + rejected)

{% endtest %}
