{{ records_of("loyalty_card") }}
