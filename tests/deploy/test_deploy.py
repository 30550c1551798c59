"""What docs/deploy tells a reader to paste: read by what will read it, and run where it can be."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import click
import jsonschema
import pytest
import yaml
from apscheduler.triggers.cron import CronTrigger

import pages
from dbt_cdp.cli import COMMANDS, cli
from dbt_cdp.packages import installed_package
from dbt_cdp.project import Project
from pages import ROOT

PLATFORMS = ROOT / ".venv-platforms"
# What takes the place of `cdp`: writes down how it is called, and ends as it is told to.
STAND_IN = """#!/bin/sh
echo "$*" >> "$STAND_IN_CALLS"
case "$*" in
    *--json*) echo '{"steps": [{"step": "build", "status": "ok", "summary": "68 models"}]}' ;;
esac
case "$1" in
    run) exit "${STAND_IN_RUN:-${STAND_IN_CODE:-0}}" ;;
    *) exit "${STAND_IN_CODE:-0}" ;;
esac
"""
# Variables that the pages themselves bring in, and what in them reads it.
OWN_VARIABLES = {
    "CDP_COMMAND": 'os.environ.get("CDP_COMMAND"',
    "CDP_ENVIRONMENT": "${CDP_ENVIRONMENT:-",
    "CDP_LOG": "${CDP_LOG:-",
    "CDP_NOTICE_URL": '"$CDP_NOTICE_URL"',
    "CDP_PACKAGE": "env_var('CDP_PACKAGE'",
    "CDP_SLACK_URL": "name: CDP_SLACK_URL",
}
# Units of systemd's own that those of the page refer to.
TARGETS = ("basic", "multi-user", "network-online", "shutdown", "sysinit", "timers")


def program(name: str) -> Path:
    """A program of .venv-platforms."""
    path = PLATFORMS / "bin" / name
    if not path.exists():
        pytest.skip("What the platforms bring is not here: make platforms.")
    return path


class StandIn:
    """A program in the place of `cdp`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.path = folder / "cdp"
        self.path.write_text(STAND_IN)
        self.path.chmod(0o755)
        self._calls = folder / "calls"
        self.environment = {
            "CDP_COMMAND": str(self.path),
            "CDP_PROJECT_DIR": str(folder),
            "PATH": f"{folder}:{os.environ['PATH']}",
            "STAND_IN_CALLS": str(self._calls),
        }

    def calls(self) -> list[str]:
        """How it was called, since it was asked last."""
        calls = self._calls.read_text().splitlines()
        self._calls.unlink()
        return calls


@pytest.fixture
def stand_in(tmp_path: Path) -> StandIn:
    return StandIn(tmp_path / "stand-in")


class Webhook:
    """A receiver of notices on loopback."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.headers["Content-Type"] == "application/json"
                body = self.rfile.read(int(self.headers["Content-Length"]))
                webhook.texts.append(json.loads(body)["text"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *arguments: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/services/secret"


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    webhook = Webhook()
    thread = Thread(target=webhook.server.serve_forever)
    thread.start()
    yield webhook
    webhook.server.shutdown()
    webhook.server.server_close()
    thread.join()


def run(
    *call: str | Path, environment: Mapping[str, str] | None = None, code: int = 0, **more: Any
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        call,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        **more,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def check_call(words: str) -> None:
    """Let the command's own parser read a call, with its options and their values."""
    arguments = shlex.split(words)
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group) and arguments:
        child = command.get_command(context, arguments[0])
        assert child, f"cdp {words}"
        command, arguments = child, arguments[1:]
    command.make_context(command.name, arguments).close()


# The pages


def test_the_pages_are_listed() -> None:
    listed = pages.read("README.md")
    names = [page.name for page in pages.PAGES if page.name != "README.md"]
    assert len(names) >= 8
    assert [name for name in names if f"({name})" not in listed] == []


@pytest.mark.parametrize("page", pages.PAGES, ids=lambda page: page.stem)
def test_every_call_of_the_command_can_be_read(page: Path) -> None:
    found = list(pages.calls(page.name, set(COMMANDS)))
    assert found or page.stem in ("airflow", "cron"), "their programs are run"
    for call in found:
        check_call(call)


def test_a_call_that_cannot_be_read_is_found() -> None:
    for wrong in ("run --if-fre", "status --max-age often", "nonsense"):
        with pytest.raises((click.UsageError, AssertionError)):
            check_call(wrong)


def test_every_variable_is_read_by_somebody() -> None:
    text = "\n".join(map(pages.read, (page.name for page in pages.PAGES)))
    text += (ROOT / "Containerfile").read_text()
    source = "\n".join(file.read_text() for file in (ROOT / "orchestrator").rglob("*.py"))
    named = set(re.findall(r"\b(?:CDP|DBT)_[A-Z_]+[A-Z]\b", text))
    assert {"CDP_SPOOL", "DBT_TARGET_PATH", "CDP_WRITE_KEYS"} <= named
    # The folder of artifacts and that of logs are read by names made of parts.
    made = {"DBT_TARGET_PATH": 'f"DBT_{variable}"', "DBT_LOG_PATH": 'f"DBT_{variable}"'}
    for name in named - set(OWN_VARIABLES):
        assert made.get(name, f'"{name}"') in source, name
    for name in named & set(OWN_VARIABLES):
        assert OWN_VARIABLES[name] in text, name


def test_what_is_typed_is_whole() -> None:
    for page in pages.PAGES:
        lines = pages.shell_lines(page.name)
        run("bash", "-n", input="\n".join(line for line in lines if "time() - " not in line))


def test_every_schedule_can_be_read() -> None:
    crons = {
        "cron": re.findall(r"^(\S+ \S+ \S+ \S+ \S+) cdp /", pages.read("cron.md"), re.MULTILINE),
        "kubernetes": [
            one["spec"]["schedule"] for one in pages.manifests("kubernetes.md") if is_cron(one)
        ],
        "cloud run": re.findall(r'--schedule="([^"]+)"', pages.read("cloud_run.md")),
        # YAML takes `on` for a truth.
        "github": [one["cron"] for one in workflow()[True]["schedule"]],
    }
    assert {name: len(found) for name, found in crons.items()} == {
        "cron": 1,
        "kubernetes": 2,
        "cloud run": 2,
        "github": 1,
    }
    for found in crons.values():
        for cron in found:
            CronTrigger.from_crontab(cron)


def is_cron(manifest: Mapping[str, Any]) -> bool:
    return manifest["kind"] == "CronJob"


def workflow() -> dict[Any, Any]:
    content = yaml.safe_load(pages.files("github_actions.md")[".github/workflows/cdp.yml"])
    assert isinstance(content, dict)
    return content


# One machine


@pytest.mark.parametrize(
    ("ran", "status", "code", "said"),
    [
        (0, 0, 0, []),
        # Somebody has stopped it.
        (143, 0, 143, []),
        (1, 1, 1, ["cdp run ended with 1", "cdp status ended with 1"]),
        (2, 2, 2, ["cdp run ended with 2", "cdp status ended with 2"]),
        (0, 3, 3, ["A request for erasure is overdue"]),
        (1, 3, 1, ["cdp run ended with 1", "A request for erasure is overdue"]),
        (124, 1, 124, ["took too long", "cdp status ended with 1"]),
    ],
)
def test_cron_mails_what_is_wrong(
    tmp_path: Path, stand_in: StandIn, ran: int, status: int, code: int, said: list[str]
) -> None:
    pages.write("cron.md", tmp_path)
    (tmp_path / "environment").write_text(pages.files("systemd.md")["/etc/cdp/environment"])
    environment = {
        **stand_in.environment,
        "CDP_ENVIRONMENT": str(tmp_path / "environment"),
        "CDP_LOG": str(tmp_path / "run.log"),
        "STAND_IN_RUN": str(ran),
        "STAND_IN_CODE": str(status),
    }
    done = run(tmp_path / "usr/local/lib/cdp/cycle", environment=environment, code=code)
    assert done.stderr == "" and len(done.stdout.splitlines()) == bool(said)
    assert all(words in done.stdout for words in said)
    assert {0: "A request", 3: "cdp status ended"}.get(status, "overdue") not in done.stdout
    for call in stand_in.calls():
        check_call(call)


def test_systemd_understands_its_units(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("There is no systemd here.")
    pages.write("systemd.md", tmp_path)
    (tmp_path / "opt/cdp/bin").mkdir(parents=True)
    (tmp_path / "opt/cdp/bin/cdp").write_text("#!/bin/sh\n")
    (tmp_path / "opt/cdp/bin/cdp").chmod(0o755)
    theirs = tmp_path / "usr/lib/systemd/system"
    theirs.mkdir(parents=True)
    for target in TARGETS:
        (theirs / f"{target}.target").write_text("[Unit]\nDefaultDependencies=no\n")
    units = {path.name: path for path in (tmp_path / "etc/systemd/system").iterdir()}
    assert len(units) == 6
    verify = ["systemd-analyze", "verify", f"--root={tmp_path}", "--man=no", *units]
    assert run(*verify).stderr == ""
    for name, path in units.items():
        text = path.read_text()
        for told in re.findall(r"OnFailure=(\S+)", text):
            assert told.replace("%n", "") in units, name
        if name.endswith(".timer"):
            assert name.replace(".timer", ".service") in units
        elif "ExecStart=/opt/cdp" in text:
            # So that SIGTERM does not reach dbt, and a stop is no failure.
            assert "KillMode=mixed" in text and "SuccessExitStatus=143" in text
    # What it does not understand it says, though it ends with 0.
    units["cdp-run.service"].write_text(units["cdp-run.service"].read_text() + "KilMode=mixed\n")
    assert "KilMode" in run(*verify).stderr


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        (
            {"MONITOR_SERVICE_RESULT": "exit-code", "MONITOR_EXIT_STATUS": "3"},
            "exit-code, exit code 3. A request for erasure is overdue",
        ),
        (
            {"MONITOR_SERVICE_RESULT": "oom-kill", "MONITOR_EXIT_STATUS": "KILL"},
            "oom-kill, exit code KILL.",
        ),
        ({}, "no result is known, exit code unknown."),
    ],
)
def test_a_notice_arrives(
    tmp_path: Path, webhook: Webhook, environment: dict[str, str], said: str
) -> None:
    pages.write("systemd.md", tmp_path)
    environment = {**environment, "CDP_NOTICE_URL": webhook.url}
    done = run(tmp_path / "usr/local/lib/cdp/tell", "cdp-run.service", environment=environment)
    assert done.stdout == done.stderr == ""
    (text,) = webhook.texts
    assert text.startswith("cdp-run.service has failed on ") and said in text


def test_a_notice_that_nobody_takes_is_a_failure_that_hides_the_address(tmp_path: Path) -> None:
    pages.write("systemd.md", tmp_path)
    script = tmp_path / "usr/local/lib/cdp/tell"
    script.write_text(script.read_text().replace("--retry 3", "--retry 0"))
    environment = {"CDP_NOTICE_URL": "http://127.0.0.1:1/services/secret"}
    done = run(script, "cdp-run.service", environment=environment, code=7)
    assert "secret" not in done.stdout + done.stderr


# Containers


def test_the_containerfile_is_read_by_a_linter(tmp_path: Path) -> None:
    hadolint = program("hadolint")
    pages.write("container.md", tmp_path)
    for file in (ROOT / "Containerfile", tmp_path / "Containerfile"):
        assert run(hadolint, file).stdout == ""
    (tmp_path / "Wrong").write_text("FROM python\nRUN cd /tmp && apt-get install vim\n")
    assert "DL3008" in run(hadolint, tmp_path / "Wrong", code=1).stdout


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Containerfile, each in one line."""
    lines = (ROOT / "Containerfile").read_text().replace("\\\n", " ").splitlines()
    found = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    return [(name, rest) for name, rest in found]


def test_the_image_gets_what_the_wheel_is_made_of() -> None:
    copied = []
    for name, rest in instructions():
        if name == "COPY" and not rest.startswith("--from"):
            *sources, target = rest.split()
            assert target == "./" or sources == [target], rest
            copied += sources
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    (listed,) = re.findall(r"^PARTS = \((.*)\)", (ROOT / "hatch_build.py").read_text(), re.M)
    parts = re.findall(r'"([\w./]+)"', listed)
    needed = {
        *parts,
        *(Path(package).parts[0] for package in wheel),
        *settings["project"]["license-files"],
        settings["project"]["readme"],
        "hatch_build.py",
        "pyproject.toml",
        "requirements.lock",
    }
    assert set(copied) == needed
    assert all((ROOT / source).exists() for source in copied)
    # Nothing else is sent to the engine, such as a warehouse on disk or a file of secrets.
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line[1:] for line in ignored if line.startswith("!")} == needed
    assert ignored[1] == "*"


def test_the_lock_serves_as_constraints_for_the_extras_of_the_image() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [line for line in lines if line and not line.lstrip().startswith("#")]
    # pip takes neither extras nor addresses there.
    assert all(re.match(r"[\w.-]+==[\w.+!]+( ;.*)?$", pin) for pin in pins)
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (default,) = [rest for name, rest in instructions() if name == "ARG"]
    extras = default.partition("=")[2].split(",")
    offered = settings["project"]["optional-dependencies"]
    assert set(extras) <= set(offered)
    locked = {re.split("==", pin)[0] for pin in pins}
    for extra in extras:
        for requirement in offered[extra]:
            assert re.match(r"[\w.-]+", requirement)[0] in locked, requirement


def test_the_image_and_its_users_agree() -> None:
    said = dict(instructions())
    assert json.loads(said["ENTRYPOINT"]) == ["tini", "--", "cdp"]
    assert " tini " in said["RUN"]
    uid = int(said["USER"].partition(":")[0])
    assert said["WORKDIR"] == "/project"
    for manifest in pages.manifests("kubernetes.md"):
        pod = manifest.get("spec", {})
        pod = pod.get("jobTemplate", {}).get("spec", pod).get("template", {}).get("spec")
        if pod:
            assert pod["securityContext"]["runAsUser"] == uid
            assert pod["serviceAccountName"] == "cdp"
            volumes = {one["name"] for one in pod["volumes"]} | {
                one["metadata"]["name"] for one in manifest["spec"].get("volumeClaimTemplates", [])
            }
            for container in pod["containers"]:
                check_writable(container)
                assert {one["name"] for one in container["volumeMounts"]} <= volumes
    assert f"--chown={uid}:{uid}" in pages.files("container.md")["Containerfile"]


def check_writable(container: Mapping[str, Any]) -> None:
    """With a file system that is read alone, what the command writes to is mounted."""
    assert container["securityContext"]["readOnlyRootFilesystem"]
    mounted = {one["mountPath"] for one in container["volumeMounts"]}
    values = {one["name"]: one.get("value") for one in container.get("env", [])}
    command = container["args"][0]
    if command != "collect":
        assert {"/project/target", "/project/logs", "/tmp"} <= mounted
    if command != "status":
        spool = Path(values.get("CDP_SPOOL", "/spool"))
        assert {str(spool), str(spool.parent)} & mounted


def test_the_project_of_the_image_finds_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages.write("container.md", tmp_path)
    (tmp_path / "dbt_project.yml").write_text("name: shop\nprofile: shop\n")
    call = [sys.executable, "-P", "-m", "dbt.cli.main", "deps"]
    run(*call, environment={"CDP_PACKAGE": str(ROOT)}, cwd=tmp_path)
    monkeypatch.setenv("BIGQUERY_PROJECT", "test-project")
    project = Project.find(tmp_path)
    installed = installed_package(project)
    assert installed and installed.resolve() == ROOT
    assert project.target.settings["project"] == "test-project"


# Platforms


def test_kubernetes_knows_every_key(tmp_path: Path) -> None:
    validate = program("kubernetes-validate")
    pages.write("kubernetes.md", tmp_path)
    found = sorted(tmp_path.glob("*.yaml"))
    assert len(found) == 4
    check = [validate, "--strict", "--kubernetes-version", "1.31"]
    run(*check, *found)
    wrong = (tmp_path / "run.yaml").read_text().replace("concurrencyPolicy", "concurencyPolicy")
    (tmp_path / "run.yaml").write_text(wrong)
    run(*check, tmp_path / "run.yaml", code=1)


def test_no_two_runs_of_kubernetes_overlap() -> None:
    specs = [one["spec"] for one in pages.manifests("kubernetes.md") if is_cron(one)]
    assert [one["concurrencyPolicy"] for one in specs] == ["Forbid"] * 2
    assert [one["jobTemplate"]["spec"]["backoffLimit"] for one in specs] == [0, 0]
    (stateful,) = [one for one in pages.manifests("kubernetes.md") if one["kind"] == "StatefulSet"]
    assert stateful["spec"]["replicas"] == 1


def google_schema(document: str, name: str) -> dict[str, Any]:
    """A JSON schema of a type of one of Google's interfaces, made of its description."""
    program("python")
    (folder,) = PLATFORMS.glob("lib/*/site-packages/googleapiclient/discovery_cache/documents")
    described = json.loads((folder / document).read_text())["schemas"]
    return {
        "$ref": f"#/$defs/{name}",
        "$defs": {one: as_schema(description) for one, description in described.items()},
    }


def as_schema(described: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in described:
        return {"$ref": f"#/$defs/{described['$ref']}"}
    made: dict[str, Any] = {}
    if described.get("type", "any") != "any":
        made["type"] = described["type"]
    if "enum" in described:
        made["enum"] = described["enum"]
    if "items" in described:
        made["items"] = as_schema(described["items"])
    if "properties" in described:
        properties = described["properties"].items()
        made["properties"] = {name: as_schema(one) for name, one in properties}
        made["additionalProperties"] = False
    if "additionalProperties" in described:
        made["additionalProperties"] = as_schema(described["additionalProperties"])
    return made


def test_cloud_run_knows_every_key() -> None:
    schema = google_schema("run.v1.json", "Job")
    jobs = pages.manifests("cloud_run.md")
    assert [one["metadata"]["name"] for one in jobs] == ["cdp-run", "cdp-check"]
    for job in jobs:
        jsonschema.validate(job, schema)
        task = job["spec"]["template"]["spec"]["template"]["spec"]
        assert task["maxRetries"] == 0
    task["maxRetry"] = task.pop("maxRetries")
    with pytest.raises(jsonschema.ValidationError, match="maxRetry"):
        jsonschema.validate(job, schema)


def test_monitoring_knows_every_key_of_the_policy() -> None:
    schema = google_schema("monitoring.v3.json", "AlertPolicy")
    policy = json.loads(pages.files("cloud_run.md")["policy.json"])
    jsonschema.validate(policy, schema)
    jobs = {one["metadata"]["name"] for one in pages.manifests("cloud_run.md")}
    filters = [
        (condition.get("conditionThreshold") or condition["conditionAbsent"])["filter"]
        for condition in policy["conditions"]
    ]
    assert {name for one in filters for name in re.findall(r'"(cdp-\w+)"', one)} == jobs


@pytest.mark.parametrize("page", ["cloud_run.md", "kubernetes.md"])
def test_gcloud_knows_every_command_and_flag(tmp_path: Path, page: str) -> None:
    if not shutil.which("gcloud"):
        pytest.skip("There is no gcloud here.")
    lines = [line.rpartition("| ")[2] for line in pages.shell_lines(page) if "gcloud " in line]
    assert lines
    (tmp_path / "commands.json").write_text(json.dumps([{"command_string": one} for one in lines]))
    lint = ["gcloud", "meta", "lint-gcloud-commands", "--commands-file=commands.json"]
    environment = {
        "CLOUDSDK_CONFIG": str(tmp_path / "config"),
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "1",
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "1",
    }
    found = json.loads(run(*lint, environment=environment, cwd=tmp_path).stdout)
    assert len(found) == len(lines)
    assert [one["error_message"] for one in found if not one["success"]] == []


def test_github_knows_every_key(tmp_path: Path) -> None:
    check = program("check-jsonschema")
    pages.write("github_actions.md", tmp_path)
    path = tmp_path / ".github/workflows/cdp.yml"
    call = [check, "--builtin-schema", "vendor.github-workflows"]
    run(*call, path)
    job = workflow()["jobs"]["run"]
    assert workflow()["concurrency"]["cancel-in-progress"] is False
    for step in job["steps"]:
        assert "uses" in step or run("bash", "-n", input=step["run"])
    path.write_text(path.read_text().replace("timeout-minutes", "timeout-minuts"))
    run(*call, path, code=1)


def test_the_workflow_tells_of_a_failure(webhook: Webhook) -> None:
    (tell,) = [one for one in workflow()["jobs"]["run"]["steps"] if one.get("name") == "Tell"]
    environment = {"CDP_NOTICE_URL": webhook.url, "TEXT": "cdp has failed: https://github.example"}
    run("bash", "-e", input=tell["run"], environment=environment)
    assert webhook.texts == ["cdp has failed: https://github.example"]


def test_airflow_runs_its_files(tmp_path: Path, stand_in: StandIn, webhook: Webhook) -> None:
    python = program("python")
    pages.write("airflow.md", tmp_path)
    cluster = {"name": "none", "cluster": {"server": "http://127.0.0.1:1"}}
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [cluster],
        "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
        "users": [{"name": "none", "user": {}}],
        "current-context": "none",
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig))
    environment = {
        **stand_in.environment,
        "AIRFLOW_HOME": str(tmp_path / "home"),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "CDP_NOTICE_URL": webhook.url,
        "KUBECONFIG": str(tmp_path / "kubeconfig"),
        "PYTHONPATH": "",
    }
    script = Path(__file__).with_name("run_airflow.py")
    done = run(python, script, tmp_path / "dags", environment=environment, cwd=tmp_path)
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["errors"] == []
    for name in ("cdp", "cdp_pods"):
        assert told["dags"][name] == {
            "runs at once": 1,
            "catches up": False,
            "cron": "*/15 * * * *",
            "after": {"run": [], "check": ["run"]},
            "retries": [0, 0],
            "rules": ["all_success", "all_done"],
        }
    wrong = "Bash command failed. The command returned a non-zero exit code 3."
    assert told["outcomes"] == ["ok", "ok", wrong, wrong]
    assert webhook.texts == [f"cdp.check has failed: {wrong}"]
    called = stand_in.calls()
    assert called == ["run --if-free", "status --max-age 2h"] * 2
    (tmp_path / "pods.yaml").write_text(yaml.safe_dump_all(told["pods"]))
    run(program("kubernetes-validate"), "--strict", tmp_path / "pods.yaml")
    for pod in told["pods"]:
        called.append(" ".join(pod["spec"]["containers"][0]["args"]))
    for call in called:
        check_call(call)


def test_dagster_runs_its_file(tmp_path: Path, stand_in: StandIn, webhook: Webhook) -> None:
    python = program("python")
    pages.write("dagster.md", tmp_path)
    environment = {
        **stand_in.environment,
        "CDP_NOTICE_URL": webhook.url,
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "PYTHONPATH": "",
    }
    script = Path(__file__).with_name("run_dagster.py")
    done = run(python, script, tmp_path, environment=environment, cwd=tmp_path)
    told = json.loads(done.stdout.splitlines()[-1])
    tables = ["raw_events", "identity_graph", "user_profiles", "segments"]
    assert told["well"] == {
        "success": True,
        "made": [[table, "ok: 68 models"] for table in tables],
        "checks": [["cdp_is_well", True, {"exit code": 0, "problem": "none"}]],
    }
    assert told["overdue"] == {
        "success": False,
        "made": [],
        "checks": [["cdp_is_well", False, {"exit code": 3, "problem": "none"}]],
    }
    assert told["failing"] == {"success": False, "made": [], "checks": []}
    assert told["tick"] == "1 run"
    assert told["tick while at work"] == "The last cycle is still at work."
    for cron in told["ticks"]:
        CronTrigger.from_crontab(cron)
    overdue, failing = webhook.texts
    assert overdue.startswith("cdp_check has failed") and failing.startswith("cdp has failed")
    called = stand_in.calls()
    status = "status --max-age 2h --json"
    assert called == ["run --json", status, status, "run --json"]
    for call in called:
        check_call(call)
