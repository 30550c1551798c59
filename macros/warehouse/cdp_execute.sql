{# Runs a statement that gives no rows, outside a transaction of its own. #}
{% macro cdp_execute(sql) %}
    {%- call statement("execute", fetch_result=false, auto_begin=false) -%}
        {{ sql }}
    {%- endcall -%}
{% endmacro %}
