{# A string expression in Unicode normal form KC, so that look-alike encodings of one text are equal. #}
{% macro cdp_normalize_unicode(expression) %}
    {{- return(adapter.dispatch('cdp_normalize_unicode', 'cdp')(expression)) -}}
{% endmacro %}

{# DuckDB has NFC alone, and Snowflake no normal form at all: full-width ASCII, the part of KC that
   keyboards really send in addresses, is folded by hand there. Texts with as many bytes as characters, which are nearly all,
   are ASCII: to find that out takes 9 ns, and to fold 5 us. #}
{% macro default__cdp_normalize_unicode(expression) %}
    {{- "case when strlen(" ~ expression ~ ") = length(" ~ expression ~ ") then " ~ expression
        ~ " else translate(nfc_normalize(" ~ expression ~ "), " ~ cdp.cdp_full_width_pairs() ~ ") end" -}}
{% endmacro %}

{% macro bigquery__cdp_normalize_unicode(expression) %}
    {{- "normalize(" ~ expression ~ ", NFKC)" -}}
{% endmacro %}

{% macro postgres__cdp_normalize_unicode(expression) %}
    {{- "normalize(" ~ expression ~ ", NFKC)" -}}
{% endmacro %}

{% macro snowflake__cdp_normalize_unicode(expression) %}
    {{- "translate(" ~ expression ~ ", " ~ cdp.cdp_full_width_pairs() ~ ")" -}}
{% endmacro %}

{# Two SQL literals: the full-width forms of ASCII, and ASCII. #}
{% macro cdp_full_width_pairs() %}
    {%- set full_width = "０１２３４５６７８９ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ＠．－＿＋　" -%}
    {%- set ascii = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz@.-_+ " -%}
    {{- return("'" ~ full_width ~ "', '" ~ ascii ~ "'") -}}
{% endmacro %}
