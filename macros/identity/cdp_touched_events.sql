{# The CTE `events` of a model that keeps something for every group of events (see cdp_group_key): all raw events; in
   later builds, those of the groups that have changed since the model's own last build, which the CTE `touched` before
   it names; `groups` is their query, which cdp_touched_groups gives. #}
{% macro cdp_touched_events(groups) -%}
{%- if cdp.cdp_is_incremental() -%}
touched as (

    {{ groups | indent(4) }}

),

{% endif -%}
events as {{ cdp.cdp_read_anew() }} (

    select * from {{ ref("cdp__raw_events") }}

    {%- if cdp.cdp_is_incremental() %}

    where group_key in (select group_key from touched) {{ cdp.cdp_within_days("timestamp", cdp.cdp_days_of_groups(groups)) }}
    {%- endif %}

)
{%- endmacro %}
