{# What the vars define: a list of entries with kind (trait, score or segment), entity, name, version and definition, which is
   JSON text as it stands in the var, or in the package for a default. #}
{% macro cdp_definitions() %}
    {%- set definitions = [] -%}
    {%- for entity in ["person", "account"] -%}
        {%- set traits = cdp.cdp_traits(entity) -%}
        {%- set versions = cdp.cdp_trait_versions(traits) -%}
        {%- for trait in traits -%}
            {%- do definitions.append({
                "kind": "score" if trait.aggregate == "parts" else "trait",
                "entity": entity,
                "name": trait.name,
                "version": versions[trait.name],
                "definition": cdp.cdp_definition_json(trait, ["name", "entity", "aggregate", "field", "level"]),
            }) -%}
        {%- endfor -%}
        {%- for segment in cdp.cdp_segments(entity) -%}
            {%- set parts = [cdp.cdp_definition_json(segment, ["name", "description", "owner", "tags", "level", "needs"])] -%}
            {%- for name in cdp.cdp_names_in(segment.get("where", "")) | unique | sort if name in versions -%}
                {%- do parts.append(versions[name]) -%}
            {%- endfor -%}
            {%- for name in segment.needs | sort -%}
                {%- do parts.append(versions["segment " ~ name]) -%}
            {%- endfor -%}
            {%- do versions.update({"segment " ~ segment.name: local_md5(parts | string)[:8]}) -%}
            {%- do definitions.append({
                "kind": "segment",
                "entity": entity,
                "name": segment.name,
                "version": versions["segment " ~ segment.name],
                "definition": cdp.cdp_definition_json(segment, ["name", "entity", "level", "needs"]),
            }) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(definitions) -}}
{% endmacro %}


{# An entry as JSON text, without some of its keys. #}
{% macro cdp_definition_json(entry, left_out) %}
    {%- set kept = {} -%}
    {%- for key, value in entry.items() if key not in left_out -%}
        {%- do kept.update({key: value}) -%}
    {%- endfor -%}
    {{- return(tojson(kept)) -}}
{% endmacro %}
