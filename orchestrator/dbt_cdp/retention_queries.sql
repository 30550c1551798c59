{# What `cdp retain` asks, compiled together, since dbt takes seconds to start. The conditions say which rows of a table have
   expired; they serve to count and to delete. A moment is the beginning of the first day that is kept. #}

{# The first day that is kept, by source. Its parameter is today. #}
{% set windows %}{{ cdp.cdp_retention_windows("cast(? as date)") }}{% endset %}

{% set deletions %}
select
    source,
    max(kept_since) as kept_since

from {{ ref("cdp__retention_runs") }}

where table_name = 'raw_events'

group by source
{% endset %}

{# The end of the last build that has counted all events. #}
{% set counted_until %}
select max(entered_at) as counted_until

from {{ ref("cdp__run_sources") }}
{% endset %}

{# Every source of which there are rows, and how many events of it. #}
{% set sources %}
select
    source,
    sum(events) as events

from (
    select
        source,
        count(*) as events

    from {{ ref("cdp__raw_events") }}

    group by source
    {%- for ledger in [ref("cdp__landing_events"), ref("cdp__landing_rejects")] %}

    union all

    select distinct
        source,
        0 as events

    from {{ ledger }}
    {%- endfor %}
) as found

group by source
{% endset %}

{# The days with expired events of a source, in order: parameters as those of the condition of raw_events. #}
{% set days %}
select
    cast(timestamp as date) as event_date,
    count(*) as events,
    max(batch_id) as last_batch

from {{ ref("cdp__raw_events") }}

where
    source = ?
    and timestamp < ?
    and batch_id <= ?

group by 1

order by 1
{% endset %}

{# The events of a source and a part of time, as they are archived. #}
{% set events %}
select
    source,
    {{ cdp.cdp_event_columns().keys() | join(",\n    ") }}

from {{ ref("cdp__raw_events") }}

where
    source = ?
    and timestamp >= ?
    and timestamp < ?
    and batch_id <= ?
{% endset %}

{# Every line of a source with the time that it expires by: of all versions of an event the one received first says when the
   event was, and the others expire with it, else it would come back by another one. Parameter: source. #}
{% set dated %}
select
    event_id,
    content_hash,
    reject_reason,
    case
        when reject_reason is null
            then first_value(timestamp) over (
                partition by event_id, reject_reason is null
                order by received_at, content_hash
            )
        else coalesce(timestamp, received_at)
    end as dated_at

from {{ ref("stg_cdp__incoming_events") }}

where source = ?
{% endset %}

{% set expired_ids %}
select event_id

from ({{ dated }}) as dated

where
    dated_at < ?
    and reject_reason is null
{% endset %}

{% set known = cdp.cdp_sources("events") | map(attribute="name") | list %}
{% set expired_lines %}
source = ?
and (
    ingest_id in (
        select content_hash

        from ({{ dated }}) as dated

        where dated_at < ?
    )
    or (source not in ('{{ known | join("', '") }}') and received_at < ?)
)
{% endset %}

{% set conditions = {
    "cdp__landing_events": {
        "sql": expired_lines,
        "parameters": ["source", "source", "moment", "moment"],
    },
    "cdp__landing_rejects": {"sql": "source = ? and loaded_at < ?", "parameters": ["source", "moment"]},
    "cdp__raw_events": {
        "sql": "source = ? and timestamp < ? and batch_id <= ?",
        "parameters": ["source", "moment", "batch"],
    },
} %}

{# The tables of collectors from which expired events are deleted, and the names that their columns may have. #}
{% set source_tables = [] %}
{% set retention = cdp.cdp_retention() %}
{% for entry in cdp.cdp_sources("events") if retention and retention.sources[entry.name].source_tables %}
    {% for table in entry.tables + (entry.event_tables or []) %}
        {% set relation = source(entry.source, table) %}
        {% do source_tables.append({
            "source": entry.name,
            "relation": {
                "database": relation.database or "",
                "schema": relation.schema,
                "identifier": relation.identifier,
                "sql": relation | string,
            },
            "id": entry.expiry.id,
            "at": entry.expiry.at,
        }) %}
    {% endfor %}
{% endfor %}

{{ tojson({
    "queries": {
        "windows": windows,
        "deletions": deletions,
        "counted_until": counted_until,
        "sources": sources,
        "days": days,
        "events": events,
    },
    "retention": retention,
    "conditions": conditions,
    "source_tables": source_tables,
    "expired_ids": {"sql": expired_ids, "parameters": ["source", "moment"]},
    "id_text": "nullif(" ~ cdp.cdp_trim("cast({id} as " ~ dbt.type_string() ~ ")") ~ ", '')",
    "at_time": cdp.cdp_try_timestamp("{at}"),
}) }}
