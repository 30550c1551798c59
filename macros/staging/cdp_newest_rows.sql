{# A query of the newest version of each row of a relation of cdp_source_rows, since a loader may keep them all, with two more
   columns: age (1) and is_gone, whether it is deleted. Where the loader tells which version is the present one, that is the newest, and
   a row without one is gone. A row without a key stays, to be rejected.

     relation  has the columns source, updated_at, is_deleted (in the system) and those of cdp_loader_columns
     key       the column that says which rows are versions of one #}
{% macro cdp_newest_rows(relation, key) -%}
    select
        *,
        coalesce(is_deleted, false) or coalesce(is_removed, false) or not coalesce(is_present, true) as is_gone

    from (
        select
            *,
            row_number() over (
                partition by source, {{ key }}
                order by
                    coalesce(is_present, true) desc,
                    updated_at desc nulls last,
                    loaded_at desc nulls last,
                    is_deleted desc nulls last,
                    is_removed desc nulls last
            ) as age

        from {{ relation }}
    ) as versions

    where
        age = 1
        or {{ key }} is null
{%- endmacro %}
