{{ config(enabled=(project_name == 'cdp')) }}

{# A path is written into a literal. #}
{%- set quoted_path = cdp.cdp_text_literal('$."it\'s"')[1:-1] %}
{%- set values = {"word": "word", "number": "number", "is_on": "is_on", "nothing": "nothing"} %}

with

cases as (

    select
        {{ dbt.concat(["'it is \"quoted\", {so} '", "chr(92)", "' to say'"]) }} as word,
        3 as number,
        true as is_on,
        cast(null as {{ dbt.type_string() }}) as nothing

),

built as (

    select
        word,
        {{ cdp.cdp_json_object(values) }} as document,
        {{ cdp.cdp_json_object(values, keep_nulls=false) }} as document_without_nulls,
        {{ cdp.cdp_json_object({"nothing": "nothing"}, keep_nulls=false) }} as empty_document,
        {{ cdp.cdp_json_object({"it's": "number"}) }} as document_of_a_quoted_key

    from cases

),

results as (

    select
        'word' as input,
        word as expected,
        {{ cdp.cdp_json_text("document", "$.word") }} as result

    from built

    union all

    select
        'number' as input,
        '3' as expected,
        {{ cdp.cdp_json_text("document", "$.number") }} as result

    from built

    union all

    select
        'is_on' as input,
        'true' as expected,
        {{ cdp.cdp_json_text("document", "$.is_on") }} as result

    from built

    union all

    select
        'nothing' as input,
        null as expected,
        {{ cdp.cdp_json_text("document", "$.nothing") }} as result

    from built

    union all

    select
        'a key without a value stays' as input,
        'true' as expected,
        case when document like '%"nothing"%null%' then 'true' else document end as result

    from built

    union all

    select
        'a key without a value goes where nulls are not kept' as input,
        'true' as expected,
        case when document_without_nulls not like '%"nothing"%' then 'true' else document_without_nulls end as result

    from built

    union all

    select
        'number, where nulls are not kept' as input,
        '3' as expected,
        {{ cdp.cdp_json_text("document_without_nulls", "$.number") }} as result

    from built

    union all

    select
        'a quote in a key' as input,
        '3' as expected,
        {{ cdp.cdp_json_text("document_of_a_quoted_key", quoted_path) }} as result

    from built

    union all

    select
        'an object of nothing but nulls' as input,
        null as expected,
        empty_document as result

    from built

)

select * from results

where result is distinct from expected
