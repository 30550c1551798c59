{# Whether the time a device gives can be true: not before 2000 and, where the time of receipt is known,
   not more than a day after it. Compared with the receipt and not with the present, so that the same
   event is dated the same in every build; with the present only where no receipt is known. #}
{% macro cdp_timestamp_is_credible(sent_at, received_at) %}
    {%- set epoch = "cast('2000-01-01 00:00:00' as " ~ dbt.type_timestamp() ~ ")" -%}
    {%- set limit = "coalesce(" ~ received_at ~ ", " ~ cdp.cdp_as_of() ~ ")" -%}
    {{- return(
        "coalesce(" ~ sent_at ~ " >= " ~ epoch ~ " and " ~ sent_at ~ " <= "
        ~ cdp.cdp_timestamp_add(limit, 1, "day") ~ ", false)"
    ) -}}
{% endmacro %}
