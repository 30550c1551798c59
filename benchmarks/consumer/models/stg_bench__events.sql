select * from {{ source("bench", "events") }}
