{# Why a normalised identifier names nobody, or null where it is usable: conditions that need no list.
   `form` is email, phone or id; `value` a string expression in normal form. #}
{% macro cdp_block_reason(form, value) %}
    {# Six of them: the numbers 111 and 2222 are somebody's id where ids are counted up. #}
    {%- set repeated = [] -%}
    {%- for digit in range(10) -%}
        {%- do repeated.append(digit ~ "{6,}") -%}
    {%- endfor -%}
    {# Blanks of every width, joiners, marks of direction, and the mark at the start of a file. The range that begins
       with U+2027 is of U+2028 and what follows, at which Jinja's `indent` would break the text. #}
    {%- set unseen = "\u00a0\u00ad\u1680\u180e\u2000-\u200f\u2027-\u202f\u205f-\u206f\u3000\ufeff" -%}
    {# Two values with characters that could not be stored may have become one: broken. #}
    {%- set reasons = [
        ("length(" ~ value ~ ") > 512", "too long"),
        (cdp.cdp_regexp_like(value, "[[:cntrl:]]"), "control characters"),
        (cdp.cdp_regexp_like(value, "\ufffd"), "broken characters"),
        (cdp.cdp_regexp_like(value, "^[[:space:]" ~ unseen ~ "]+$"), "nothing visible"),
    ] -%}
    {%- if form == "email" -%}
        {%- do reasons.append(("not " ~ cdp.cdp_regexp_like(value, "^[^@[:space:]]+@[^@[:space:]]+[.][^@[:space:]]+$"), "not an e-mail address")) -%}
        {%- do reasons.append((cdp.cdp_regexp_like(value, "^(no[._-]?reply|do[._-]?not[._-]?reply|mailer-daemon|postmaster|null|undefined|test)@"), "an address nobody reads")) -%}
    {%- elif form == "phone" -%}
        {%- do reasons.append((value ~ " not like '+%'", "phone without country code")) -%}
        {%- do reasons.append(("not " ~ cdp.cdp_regexp_like(value, "^[+][1-9][0-9]{6,14}$"), "not a phone number")) -%}
        {%- do reasons.append((cdp.cdp_regexp_like(value, "^[+][0-9]{0,3}(" ~ repeated | join("|") ~ ")$"), "one repeated digit")) -%}
    {%- else -%}
        {%- do reasons.append((cdp.cdp_regexp_like(value, "^(" ~ repeated | join("|") ~ ")$"), "one repeated digit")) -%}
        {%- do reasons.append((cdp.cdp_regexp_like(value, "^[0-]+$"), "zeros only")) -%}
    {%- endif -%}
    {%- set cases = [] -%}
    {%- for condition, reason in reasons -%}
        {%- do cases.append("when " ~ condition ~ " then '" ~ reason ~ "'") -%}
    {%- endfor -%}
    {{- return("case " ~ cases | join(" ") ~ " end") -}}
{% endmacro %}
