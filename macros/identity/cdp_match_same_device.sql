{# The query of the pairs that the rule same_device finds: two browsers, one IP address and one fingerprint within
   24 hours, as after cookies were deleted. A row a pair of identifier tuples, with its score and the evidence:
     browsers_on_ip                how many browsers that address has ever shown
     browsers_with_fingerprint     how many browsers have ever had that fingerprint
     browsers_with_both            how many had both
     is_side_by_side               whether one was seen there again after the other had begun, as two devices of one
                                   make in one office are
     hours_apart                   between the two, 0 when they overlap

   score = rarity / (1 where they follow one another, 5 where they are side by side)
   See cdp_device_rarity for the rarity, and int_cdp__same_devices for the pairs. #}
{% macro cdp_match_same_device() -%}
    {%- set number = dbt.type_numeric() -%}
    with pairs as (

        select
            *,
            {{ cdp.cdp_device_rarity() }} as rarity

        from {{ ref("int_cdp__same_devices") }}

        where is_live

    )

    select
        tuple_a,
        tuple_b,
        case when is_side_by_side then rarity / 5 else rarity end as score,
        {{ cdp.cdp_json_object({
            "browsers_on_ip": "browsers_on_ip",
            "browsers_with_fingerprint": "browsers_with_fingerprint",
            "browsers_with_both": "browsers_with_both",
            "is_side_by_side": "is_side_by_side",
            "hours_apart": "case when seconds_apart > 0 then cast(round(cast(seconds_apart as " ~ number ~ ") / 3600, 1) as " ~ dbt.type_string() ~ ") else '0' end",
        }) }} as evidence,
        matched_at

    from pairs
{%- endmacro %}


{# How much an address and a fingerprint that two browsers have in common tell, from 0 to 0.98:

   0.98 / (1 + 0.05 (browsers_on_ip - 2)) / (1 + 0.15 (browsers_with_fingerprint - 2))

   What is rare tells more than what is common, as in the odds of Fellegi and Sunter (1969), "A theory for record
   linkage"; the weights are measured on the demonstration's world. #}
{% macro cdp_device_rarity() -%}
    0.98 / (1 + 0.05 * (browsers_on_ip - 2)) / (1 + 0.15 * (browsers_with_fingerprint - 2))
{%- endmacro %}
