select
    'device_id' as identifier_type,
    'showroom-tablet' as identifier_value
