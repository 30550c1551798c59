{# " Did you mean 'NAME'?" for a word that is none of the names but much like one; else an empty text. The likeness is the Dice
   coefficient of the pairs of neighbouring letters (Dice, 1945), which a slip of the finger leaves mostly as they are. #}
{% macro cdp_did_you_mean(word, names) %}
    {%- set pairs = cdp.cdp_letter_pairs(word) -%}
    {%- set best = namespace(name="", likeness=0.48) -%}
    {%- for name in names -%}
        {%- set others = cdp.cdp_letter_pairs(name) -%}
        {%- set likeness = 2 * (pairs | select("in", others) | list | length) / (pairs | length + others | length) -%}
        {%- if likeness > best.likeness -%}
            {%- set best.name, best.likeness = name, likeness -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(" Did you mean '" ~ best.name ~ "'?" if best.name else "") -}}
{% endmacro %}

{% macro cdp_letter_pairs(word) %}
    {%- set text = " " ~ word | lower ~ " " -%}
    {%- set pairs = [] -%}
    {%- for place in range(text | length - 1) -%}
        {%- do pairs.append(text[place:place + 2]) -%}
    {%- endfor -%}
    {{- return(pairs | unique | list) -}}
{% endmacro %}
