{# The statement after a build that takes the marks of measures away which no trait needs any more, so that one
   that comes back is filled from all events again. What they have counted stays. #}
{% macro cdp_forget_measures() %}
    {{- cdp.cdp_delete_rows("activity_date is null and group_key = '' and measure not in ('" ~ ([""] + cdp.cdp_measure_ids()) | join("', '") ~ "')") -}}
{% endmacro %}
