{# The SQL of a score over the columns of its parts (see cdp_part_column): its `sql`, in which parts.NAME is a part, or else their
   sum from 0 to 100, rounded; a part that is null counts nothing. #}
{% macro cdp_score_sql(score) %}
    {%- if "sql" in score -%}
        {{- return(modules.re.sub("\\bparts[.]", score.name ~ "__", score.sql)) -}}
    {%- endif -%}
    {%- set terms = [] -%}
    {%- for part in score.parts -%}
        {%- do terms.append("coalesce(" ~ cdp.cdp_part_column(score, part) ~ ", 0)") -%}
    {%- endfor -%}
    {{- return("cast(round(greatest(0, least(100, " ~ terms | join(" + ") ~ "))) as " ~ dbt.type_bigint() ~ ")") -}}
{% endmacro %}


{# The column that a part of a score has until it becomes part of `scores`. #}
{% macro cdp_part_column(score, part) %}
    {{- return(score.name ~ "__" ~ part) -}}
{% endmacro %}


{# The JSON object of all scores: name -> value, parts, version. #}
{% macro cdp_scores_json(traits) %}
    {%- set versions = cdp.cdp_trait_versions(traits) -%}
    {%- set scores = {} -%}
    {%- for score in traits if score.aggregate == "parts" -%}
        {%- set parts = {} -%}
        {%- for part in score.parts -%}
            {%- do parts.update({part: cdp.cdp_part_column(score, part)}) -%}
        {%- endfor -%}
        {%- do scores.update({score.name: {"value": score.name, "parts": parts, "version": "'" ~ versions[score.name] ~ "'"}}) -%}
    {%- endfor -%}
    {{- return(cdp.cdp_json_object(scores) if scores else "'{}'") -}}
{% endmacro %}
