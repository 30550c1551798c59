select
    'anonymous_id' as identifier_type,
    'ada-laptop' as identifier_value
