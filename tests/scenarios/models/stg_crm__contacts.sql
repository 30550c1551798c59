{{ records_of("crm_id") }}
