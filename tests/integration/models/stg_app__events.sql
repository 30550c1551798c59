select
    id,
    name,
    occurred_at,
    received_at,
    cast(loaded_at as timestamp) as loaded_at,
    uid,
    cookie,
    mail,
    phone,
    device,
    path,
    {{ cdp.cdp_json_object({"amount": "amount"}) }} as properties,
    {{ cdp.cdp_json_object({"plan": "plan"}) }} as traits

from {{ ref("app_events") }}

where batch <= {{ var("batch") }}
