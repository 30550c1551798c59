{{ config(enabled=cdp.cdp_is_on(), materialized="view") }}

select domain

from {{ ref("cdp__free_mail_domains") }}
{% for domain in cdp.cdp_own_free_mail_domains() %}
union distinct

select {{ cdp.cdp_text_literal(domain) }} as domain
{% endfor %}
