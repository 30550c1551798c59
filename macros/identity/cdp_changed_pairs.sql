{# The query of the pairs that a match rule's model has to write: those of `present` that are new, or of which a fact is another now; and
   in later builds those that are stored and present no more, as rows that are not live.

     keys      the columns by which a pair is told, of which pair_key is one; a list
     facts     the columns of what was found, never null; a list
     is_found  a condition on `stored`: this build has looked for the pair #}
{% macro cdp_changed_pairs(keys, facts, is_found) -%}
    {%- set columns = keys + facts -%}
    select
        {%- for column in columns %}
        present.{{ column }},
        {%- endfor %}
        true as is_live

    from present

    {%- if cdp.cdp_is_incremental() %}

    left join {{ this }} as stored on present.pair_key = stored.pair_key

    where
        stored.pair_key is null
        or not stored.is_live
        {%- for fact in facts %}
        or present.{{ fact }} <> stored.{{ fact }}
        {%- endfor %}

    union all

    select
        {%- for column in columns %}
        stored.{{ column }},
        {%- endfor %}
        false as is_live

    from {{ this }} as stored

    left join present on stored.pair_key = present.pair_key

    where
        stored.is_live
        and present.pair_key is null
        and ({{ is_found }})
    {%- endif %}
{%- endmacro %}
