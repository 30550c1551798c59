select
    'anonymous_id' as identifier_type,
    'ada-laptop' as identifier_value

union all

select
    'user_id' as identifier_type,
    '101' as identifier_value
