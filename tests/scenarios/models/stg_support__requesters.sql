{{ records_of("support_id") }}
