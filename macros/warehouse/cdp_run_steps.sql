{# Runs a program: a list of steps, each of them a statement (text) that gives no rows, or a mapping
     if        a query; the steps of `do` run when it gives a row
     while     a query; the steps of `do` run as long as it gives a row, at most `limit` times (64). More raise
               an error that names `what`: a loop that does not end is a defect, and its result is not used.
               `at_least`: so many rounds change nothing where nothing is left to do, so that a warehouse in
               which asking costs as much as working need not ask before them
     fail_if   a query of one text column; its rows are shown after `message` as the error that is raised

   Statements that follow one another go to the warehouse together, and a program is data, so that it can be read,
   counted and run elsewhere. BigQuery gets it whole, as one script. To be called in a materialization only. #}
{% macro cdp_run_steps(steps) %}
    {%- do adapter.dispatch('cdp_run_steps', 'cdp')(steps) -%}
{% endmacro %}

{% macro default__cdp_run_steps(steps) %}
    {%- set left = cdp.cdp_run_all_but_last(steps) -%}
    {%- if left -%}
        {%- do cdp.cdp_execute(left | join(";\n")) -%}
    {%- endif -%}
{% endmacro %}

{% macro bigquery__cdp_run_steps(steps) %}
    {%- do cdp.cdp_execute(cdp.cdp_script(steps)) -%}
{% endmacro %}


{# Runs steps and returns the statements at their end, which wait for what comes after them. #}
{% macro cdp_run_all_but_last(steps) %}
    {%- set waiting = [] -%}
    {%- for step in steps -%}
        {%- if step is string -%}
            {%- do waiting.append(step) -%}
        {%- else -%}
            {%- set before = waiting | list -%}
            {%- do waiting.clear() -%}
            {%- if "if" in step -%}
                {%- if cdp.cdp_has_rows(step["if"], before) -%}
                    {%- do waiting.extend(cdp.cdp_run_all_but_last(step.do)) -%}
                {%- endif -%}
            {%- elif "while" in step -%}
                {%- do cdp.cdp_run_loop(step, before) -%}
            {%- else -%}
                {%- do cdp.cdp_raise_rows(step, before) -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(waiting) -}}
{% endmacro %}


{# Whether a query gives any row; `before` are statements to be run first. #}
{% macro cdp_has_rows(sql, before=[]) %}
    {%- set query = "select 1 as one from (" ~ sql ~ ") as checked limit 1" -%}
    {{- return(run_query((before + [query]) | join(";\n")).rows | length > 0) -}}
{% endmacro %}


{% macro cdp_run_loop(step, before) %}
    {%- set limit = step.limit | default(64) -%}
    {%- set progress = namespace(is_open=cdp.cdp_has_rows(step["while"], before), rounds=0) -%}
    {# Jinja goes over the whole range even when nothing is open any more: two loops make that short. #}
    {%- for _ in range(limit // 1000 + 1) if progress.is_open -%}
        {%- for _ in range([limit - progress.rounds, 1000] | min) if progress.is_open -%}
            {%- set progress.rounds = progress.rounds + 1 -%}
            {%- set progress.is_open = cdp.cdp_has_rows(step["while"], cdp.cdp_run_all_but_last(step.do)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if progress.is_open -%}
        {%- do exceptions.raise_compiler_error(cdp.cdp_endless_loop(step)) -%}
    {%- endif -%}
    {%- do log("dbt-cdp: " ~ this.identifier ~ ": " ~ step.what ~ " took " ~ progress.rounds ~ " rounds") -%}
{% endmacro %}


{% macro cdp_endless_loop(step) %}
    {{- return(
        step.what ~ " did not come to an end in " ~ step.limit | default(64) ~ " rounds in " ~ this
        ~ "; please report this as a defect of dbt-cdp."
    ) -}}
{% endmacro %}


{% macro cdp_raise_rows(step, before) %}
    {%- set rows = run_query((before + [step.fail_if]) | join(";\n")).rows -%}
    {%- if rows | length > 0 -%}
        {%- do exceptions.raise_compiler_error(step.message ~ " " ~ rows | map("first") | join("; ")) -%}
    {%- endif -%}
{% endmacro %}


{# A program as a script of BigQuery. #}
{% macro cdp_script(steps) %}
    {%- set parts = [] -%}
    {%- for step in steps -%}
        {%- if step is string -%}
            {%- do parts.append(step ~ ";") -%}
        {%- elif "if" in step -%}
            {%- do parts.append("if exists(" ~ step["if"] ~ ") then\n" ~ cdp.cdp_script(step.do) ~ "\nend if;") -%}
        {%- elif "while" in step -%}
            {%- for _ in range(step.at_least | default(0)) -%}
                {%- do parts.append(cdp.cdp_script(step.do)) -%}
            {%- endfor -%}
            {%- do parts.append(
                "begin\ndeclare rounds int64 default 0;\nwhile exists(" ~ step["while"] ~ ") do\n"
                ~ cdp.cdp_script(step.do)
                ~ "\nset rounds = rounds + 1;\nif rounds > " ~ step.limit | default(64) ~ " then\nraise using message = '"
                ~ cdp.cdp_endless_loop(step) | replace("`", "") ~ "';\nend if;\nend while;\nend;"
            ) -%}
        {%- elif "fail_if" in step -%}
            {%- do parts.append(
                "if exists(" ~ step.fail_if ~ ") then\nraise using message = concat('" ~ step.message ~ " ', (select string_agg(problem, '; ') from ("
                ~ step.fail_if ~ ") as problems));\nend if;"
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(parts | join("\n")) -}}
{% endmacro %}
