{# The ids of the measures that the model's own table holds; none in a first build. #}
{% macro cdp_known_measures() %}
    {%- set known = [] -%}
    {%- if cdp.cdp_is_incremental() -%}
        {%- for row in run_query("select measure from " ~ this ~ " where activity_date is null and group_key = ''").rows -%}
            {%- do known.append(row[0]) -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(known) -}}
{% endmacro %}
