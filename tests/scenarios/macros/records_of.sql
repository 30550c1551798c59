{# A query of the records of one type that are there now. #}
{% macro records_of(record_type) -%}
select
    record_id,
    updated_at,
    user_id,
    crm_id,
    email,
    phone,
    merged_into

from {{ ref("records") }}

where
    record_type = '{{ record_type }}'
    and {{ is_there() | indent(4) }}
{%- endmacro %}
