{# A statement for a model's post-hook that deletes rows of its own table, which the strategies of an
   incremental model cannot do; nothing after a first build. #}
{% macro cdp_delete_rows(condition) %}
    {%- if cdp.cdp_is_incremental() -%}
        delete from {{ this }} where {{ condition }}
    {%- endif -%}
{% endmacro %}
