select * from {{ source("bench", "contacts") }}
