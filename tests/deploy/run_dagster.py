"""Loads a file of definitions as Dagster does, and runs its jobs; prints the outcome as JSON.

Runs in .venv-platforms, with the file's folder as its argument and a stand-in for `cdp` in
CDP_COMMAND.
"""

import json
import os
import sys
from uuid import uuid4

sys.path.insert(0, sys.argv[1])

import cdp_assets
import dagster as dg


def run(job: str, instance: dg.DagsterInstance) -> dict:
    result = cdp_assets.defs.resolve_job_def(job).execute_in_process(
        instance=instance, raise_on_error=False
    )
    return {
        "success": result.success,
        "made": [
            [event.asset_key.to_user_string(), event.materialization.metadata["build"].value]
            for event in result.get_asset_materialization_events()
        ],
        "checks": [
            [one.check_name, one.passed, {key: text.value for key, text in one.metadata.items()}]
            for one in result.get_asset_check_evaluations()
        ],
        "run": result.dagster_run,
    }


def tick(instance: dg.DagsterInstance) -> str:
    context = dg.build_schedule_context(instance=instance)
    data = cdp_assets.every_quarter_of_an_hour.evaluate_tick(context)
    return data.skip_message or f"{len(data.run_requests)} run"


def failure_context(
    failed: dg.DagsterRun, instance: dg.DagsterInstance
) -> dg.RunFailureSensorContext:
    of_type = dg.DagsterEventType.RUN_FAILURE
    (record,) = instance.get_records_for_run(failed.run_id, of_type=of_type).records
    return dg.build_run_status_sensor_context(
        "tell",
        dagster_event=record.event_log_entry.dagster_event,
        dagster_instance=instance,
        dagster_run=failed,
    ).for_run_failure()


dg.Definitions.validate_loadable(cdp_assets.defs)
told = {}
with dg.instance_for_test() as instance:
    os.environ["STAND_IN_CODE"] = "0"
    told["well"] = run("cdp", instance)
    told["tick"] = tick(instance)
    os.environ["STAND_IN_CODE"] = "3"
    told["overdue"] = run("cdp_check", instance)
    os.environ["STAND_IN_CODE"] = "1"
    told["failing"] = run("cdp", instance)
    for one in ("overdue", "failing"):
        cdp_assets.tell(failure_context(told[one]["run"], instance))
    failed = told["failing"]["run"]
    instance.add_run(failed._replace(run_id=str(uuid4()), status=cdp_assets.AT_WORK[-2]))
    told["tick while at work"] = tick(instance)
    told["ticks"] = [one.cron_schedule for one in cdp_assets.defs.schedules]
for one in ("well", "overdue", "failing"):
    del told[one]["run"]
json.dump(told, sys.stdout)
