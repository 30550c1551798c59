{# sha256(key || type || value) as 64 lower-case hex digits. `secret` is an expression of the key in lower-case hex digits, the other
   two are string expressions. By a key and not by sha256 alone, since who has a list of e-mail addresses could try them all. #}
{% macro cdp_keyed_digest(secret, identifier_type, identifier_value) %}
    {{- return(adapter.dispatch('cdp_keyed_digest', 'cdp')(secret, identifier_type, identifier_value)) -}}
{% endmacro %}

{% macro default__cdp_keyed_digest(secret, identifier_type, identifier_value) %}
    {{- "sha256(unhex(" ~ secret ~ ") || encode(" ~ identifier_type ~ " || " ~ identifier_value ~ "))" -}}
{% endmacro %}

{% macro bigquery__cdp_keyed_digest(secret, identifier_type, identifier_value) %}
    {{-
        "to_hex(sha256(concat(from_hex(" ~ secret ~ "), cast(concat(" ~ identifier_type ~ ", " ~ identifier_value ~ ") as bytes))))"
    -}}
{% endmacro %}

{% macro postgres__cdp_keyed_digest(secret, identifier_type, identifier_value) %}
    {{-
        "encode(sha256(decode(" ~ secret ~ ", 'hex') || convert_to(" ~ identifier_type ~ " || " ~ identifier_value ~ ", 'UTF8')), 'hex')"
    -}}
{% endmacro %}

{% macro snowflake__cdp_keyed_digest(secret, identifier_type, identifier_value) %}
    {{-
        "sha2(concat(hex_decode_binary(" ~ secret ~ "), to_binary(concat(" ~ identifier_type ~ ", " ~ identifier_value ~ "), 'utf-8')), 256)"
    -}}
{% endmacro %}
