{# The statement after a build that takes the marks of measures away which no trait needs any more, so that one
   that comes back is filled from all events again. What they have counted stays. #}
{% macro cdp_forget_measures() %}
    {%- set needed = [""] -%}
    {%- for measure in cdp.cdp_measures() -%}
        {%- do needed.append(measure.id) -%}
    {%- endfor -%}
    {{- cdp.cdp_delete_rows("group_key = '' and measure not in ('" ~ needed | join("', '") ~ "')") -}}
{% endmacro %}
