{# A query of those rows of `relation`, by the columns `keys`, that name somebody who is suppressed. `relation` is a CTE with the string
   columns identifier_type and identifier_value, in its normal form.

   Identifiers are compared by their digests: the list holds none. Where it is empty nothing is digested. #}
{% macro cdp_suppressed(relation, keys) %}
    select distinct
        {%- for key in keys %}
        {{ relation }}.{{ key }}{{ "," if not loop.last }}
        {%- endfor %}

    from {{ relation }}

    cross join {{ ref("cdp__suppression_keys") }} as suppression_keys

    inner join {{ ref("cdp__suppressions") }} as suppressions
        on
            suppression_keys.key_id = suppressions.key_id
            and suppressions.digest = {{ cdp.cdp_keyed_digest(
                "suppression_keys.secret",
                relation ~ ".identifier_type",
                relation ~ ".identifier_value"
            ) }}

    where suppressions.lifted_at is null
{% endmacro %}
