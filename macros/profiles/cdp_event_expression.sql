{# A user's SQL over an event: properties.x and traits.x become reads of those JSON columns. #}
{% macro cdp_event_expression(sql) %}
    {%- set pieces = [] -%}
    {%- for piece in modules.re.split("\\b((?:properties|traits)\\.[A-Za-z_][A-Za-z0-9_]*)", sql | string) -%}
        {%- if loop.index is even -%}
            {%- set column, field = piece.split(".") -%}
            {%- do pieces.append(cdp.cdp_json_text(column, cdp.cdp_json_path(field))) -%}
        {%- else -%}
            {%- do pieces.append(piece) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(pieces | join("")) -}}
{% endmacro %}

{# The field that a trait aggregates: a canonical column, an expression, or a plain name of a property. #}
{% macro cdp_event_field(field) %}
    {%- if modules.re.match("^[A-Za-z_][A-Za-z0-9_]*$", field) and field not in cdp.cdp_event_columns() -%}
        {{- return(cdp.cdp_json_text("properties", cdp.cdp_json_path(field))) -}}
    {%- endif -%}
    {{- return(cdp.cdp_event_expression(field)) -}}
{% endmacro %}
