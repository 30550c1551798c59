{# A condition on rows of a seed with load and until_load: they have come, and have not gone again. #}
{% macro is_there() -%}
    load <= {{ var("load") }}
    and coalesce(until_load, {{ var("load") }}) >= {{ var("load") }}
{%- endmacro %}
