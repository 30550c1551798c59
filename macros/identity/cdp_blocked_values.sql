{# A query of the blocked values (identifier_type, or * for all; identifier_value in lower case): the package's seed and the user's own
   model, if the var cdp_blocked_identifiers names one.

   Where dbt itself reads a seed's file, as for Postgres and Snowflake, it takes the text `null` for no value. #}
{% macro cdp_blocked_values() %}
    {%- for relation in cdp.cdp_with_own_model(ref("cdp__blocked_identifiers"), "cdp_blocked_identifiers") %}
    select
        identifier_type,
        lower(coalesce(identifier_value, 'null')) as identifier_value

    from {{ relation }}

    where identifier_type is not null
    {{ "union distinct" if not loop.last }}
    {%- endfor %}
{%- endmacro %}
