{# A user's SQL over an event: properties.x and traits.x become reads of those JSON columns, also of nested fields
   (properties.address.city); what stands in quotes is left alone. #}
{% macro cdp_event_expression(sql) %}
    {%- set pieces = [] -%}
    {%- for text in modules.re.split("('(?:[^']|'')*')", sql | string) -%}
        {%- if loop.index is even -%}
            {%- do pieces.append(text) -%}
        {%- else -%}
            {%- do pieces.append(cdp.cdp_event_fields(text)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(pieces | join("")) -}}
{% endmacro %}

{% macro cdp_event_fields(text) %}
    {%- set pieces = [] -%}
    {%- for piece in modules.re.split("\\b((?:properties|traits)(?:\\.[A-Za-z_][A-Za-z0-9_]*)+)", text) -%}
        {%- if loop.index is even -%}
            {%- set column, fields = piece.split(".", 1) -%}
            {%- do pieces.append(cdp.cdp_json_text(column, "$." ~ fields)) -%}
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
