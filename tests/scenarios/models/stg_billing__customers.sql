{{ records_of("billing_id") }}
