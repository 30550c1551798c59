"""Loads a folder of DAGs as Airflow does, and does what its tasks do; prints the outcome as JSON.

Runs in .venv-platforms, with the folder as its argument and a stand-in for `cdp` in CDP_COMMAND.
"""

import json
import os
import sys
from types import SimpleNamespace

from airflow.dag_processing.dagbag import DagBag
from kubernetes.client import ApiClient


def outcome(task) -> str:
    try:
        task.execute({})
    except Exception as error:
        return str(error)
    return "ok"


bag = DagBag(dag_folder=sys.argv[1])
told = {"errors": list(bag.import_errors.values()), "dags": {}, "pods": [], "outcomes": []}
for dag in bag.dags.values():
    told["dags"][dag.dag_id] = {
        "runs at once": dag.max_active_runs,
        "catches up": dag.catchup,
        "cron": dag.schedule,
        "after": {task.task_id: sorted(task.upstream_task_ids) for task in dag.tasks},
        "retries": [task.retries for task in dag.tasks],
        "rules": [task.trigger_rule.value for task in dag.tasks],
    }
to_json = ApiClient().sanitize_for_serialization
for task in bag.dags["cdp_pods"].tasks:
    told["pods"].append(to_json(task.build_pod_request_obj()))
for code in ("0", "3"):
    os.environ["STAND_IN_CODE"] = code
    told["outcomes"] += [outcome(task) for task in bag.dags["cdp"].tasks]
failed = SimpleNamespace(dag_id="cdp", task_id="check")
for tell in bag.dags["cdp"].get_task("check").on_failure_callback:
    tell({"task_instance": failed, "exception": told["outcomes"][-1]})
json.dump(told, sys.stdout)
