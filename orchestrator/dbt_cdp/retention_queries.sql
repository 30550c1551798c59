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

{# Until when builds have succeeded: what came before was counted. #}
{% set counted_until %}
select max(ended_at) as counted_until

from {{ ref("cdp__run_steps") }}

where
    step = 'build'
    and status = 'ok'
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

{# The ids of the events of a source that have expired: of all versions the one received first says when an event was.
   Parameters: source, moment, source, moment. #}
{% set expired_ids %}
select event_id

from (
    select
        event_id,
        timestamp,
        row_number() over (
            partition by event_id
            order by received_at, content_hash
        ) as version

    from {{ ref("stg_cdp__incoming_events") }}

    where
        reject_reason is null
        and source = ?
        and event_id in (
            select event_id

            from {{ ref("stg_cdp__incoming_events") }}

            where
                timestamp < ?
                and reject_reason is null
                and source = ?
        )
) as versions

where
    version = 1
    and timestamp < ?
{% endset %}
{% set expired_ids_parameters = ["source", "moment", "source", "moment"] %}

{# Every version of an expired event goes, else it would come back by another one; so do old lines that are no events. #}
{% set expired_lines %}
source = ?
and (
    ingest_id in (
        select content_hash

        from {{ ref("stg_cdp__incoming_events") }}

        where
            source = ?
            and (
                (reject_reason is null and event_id in ({{ expired_ids | indent(16) }}))
                or (reject_reason is not null and coalesce(timestamp, received_at) < ?)
            )
    )
    {%- set known = cdp.cdp_sources("events") | map(attribute="name") | list %}
    or (source not in ('{{ known | join("', '") }}') and received_at < ?)
)
{% endset %}

{% set conditions = {
    "cdp__landing_events": {
        "sql": expired_lines,
        "parameters": ["source", "source"] + expired_ids_parameters + ["moment", "moment"],
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
    "expired_ids": {"sql": expired_ids, "parameters": expired_ids_parameters},
    "id_text": "nullif(" ~ cdp.cdp_trim("cast({id} as " ~ dbt.type_string() ~ ")") ~ ", '')",
    "at_time": cdp.cdp_try_timestamp("{at}"),
}) }}
