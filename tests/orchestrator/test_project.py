"""Finding and reading the dbt project: what dbt would see, the command sees."""

from pathlib import Path
from textwrap import dedent

import pytest

from dbt_cdp.errors import ConfigurationError
from dbt_cdp.project import Project, package_root, read_yaml

MINIMAL = "name: shop\nprofile: shop\n"
PROFILES = """
shop:
  target: dev
  outputs:
    dev: {type: duckdb, path: dev.duckdb, schema: dev}
    prod:
      type: duckdb
      path: "{{ env_var('SHOP_PATH') }}"
      threads: "{{ env_var('SHOP_THREADS', '4') | as_number }}"
      settings: {memory_limit: "{{ env_var('SHOP_MEMORY', '1GB') }}"}
      attach: [{path: "{{ env_var('SHOP_PATH') }}.old", alias: old}]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    write(tmp_path, MINIMAL, PROFILES)
    return tmp_path


def write(folder: Path, project: str, profiles: str | None = None) -> None:
    (folder / "dbt_project.yml").write_text(dedent(project))
    if profiles is not None:
        (folder / "profiles.yml").write_text(dedent(profiles))


def test_the_profile_names_the_target(folder: Path) -> None:
    project = Project.find(folder)
    assert (project.root, project.name, project.profiles_dir) == (folder, "shop", folder)
    assert (project.target.name, project.target.type) == ("dev", "duckdb")
    assert project.target.settings == {"type": "duckdb", "path": "dev.duckdb", "schema": "dev"}


def test_the_chosen_target_is_rendered_and_no_other(folder: Path, monkeypatch) -> None:
    with pytest.raises(ConfigurationError, match="SHOP_PATH is not set"):
        Project.find(folder, target="prod")
    monkeypatch.setenv("SHOP_PATH", "/data/shop.duckdb")
    settings = Project.find(folder, target="prod").target.settings
    assert settings["path"] == "/data/shop.duckdb"
    assert settings["threads"] == 4
    assert settings["settings"] == {"memory_limit": "1GB"}
    assert settings["attach"] == [{"path": "/data/shop.duckdb.old", "alias": "old"}]


def test_secrets_of_the_target_are_not_in_its_text(folder: Path, monkeypatch) -> None:
    monkeypatch.setenv("SHOP_PATH", "secret-in-a-path")
    assert "secret-in-a-path" not in repr(Project.find(folder, target="prod"))


def test_the_project_is_found_from_a_folder_inside_it(folder: Path, monkeypatch) -> None:
    inside = folder / "models" / "staging"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    assert Project.find().root == folder


def test_a_given_folder_is_not_left_for_one_above_it(folder: Path) -> None:
    (folder / "models").mkdir()
    with pytest.raises(ConfigurationError, match=r"no dbt_project\.yml"):
        Project.find(folder / "models")


def test_profiles_come_from_the_home_folder_where_the_project_has_none(folder: Path) -> None:
    home = folder / "home" / ".dbt"
    home.mkdir(parents=True)
    (folder / "profiles.yml").rename(home / "profiles.yml")
    assert Project.find(folder).profiles_dir == home


def test_a_given_profiles_folder_goes_before_the_project_s(folder: Path) -> None:
    other = folder / "ci"
    other.mkdir()
    (other / "profiles.yml").write_text(PROFILES.replace("dev.duckdb", "ci.duckdb"))
    assert Project.find(folder, other).target.settings["path"] == "ci.duckdb"


@pytest.mark.parametrize(
    ("project", "profiles", "said"),
    [
        ("name: shop\nprofile: other\n", None, "set `profile:` in dbt_project.yml to one of: shop"),
        ("name: shop\n", None, "names no profile"),
        ("profile: shop\n", None, "has no name"),
        ("name: [shop\n", None, "dbt_project.yml is not YAML"),
        ("- name\n", None, "holds no keys"),
        (MINIMAL, "shop: {target: x, outputs: {dev: {type: duckdb}}}", "choose one of: dev"),
        (MINIMAL, "shop: {outputs: {dev: {type: duckdb}}}", "no target 'default'"),
        (MINIMAL, "shop: {target: dev, outputs: {dev: {path: x}}}", "has no type"),
        (MINIMAL, "shop: {target: '{{ x', outputs: {}}", "cannot be rendered"),
    ],
)
def test_what_is_wrong_is_told(folder: Path, project: str, profiles: str | None, said: str) -> None:
    write(folder, project, profiles)
    with pytest.raises(ConfigurationError) as error:
        Project.find(folder)
    assert said in error.value.message
    assert error.value.exit_code == 2


def test_variables_of_the_package_go_before_the_common_ones(folder: Path) -> None:
    write(folder, MINIMAL + "vars: {cdp_a: 1, cdp_b: 1, cdp: {cdp_b: 2}}\n")
    project = Project.find(folder)
    assert (project.var("cdp_a"), project.var("cdp_b")) == (1, 2)
    assert (project.var("cdp_c"), project.var("cdp_c", 3)) == (None, 3)


def test_variables_are_not_rendered(folder: Path) -> None:
    write(folder, MINIMAL + "vars: {cdp_where: \"a = '{{ b }}'\"}\n")
    assert Project.find(folder).var("cdp_where") == "a = '{{ b }}'"


def test_sources_know_what_they_give_and_who_loads_them(folder: Path) -> None:
    write(
        folder,
        MINIMAL
        + """
vars:
  cdp_sources:
    - {name: web, collector: cdp}
    - {name: crm, collector: cdp, record_id: id, identifier_type: crm_id}
    - {name: app, events: stg_app, columns: {}}
    - {name: billing, records: stg_billing, record_id: id}
""",
    )
    sources = Project.find(folder).sources()
    assert [(source.name, source.kind, source.is_loaded) for source in sources] == [
        ("web", "events", True),
        ("crm", "records", True),
        ("app", "events", False),
        ("billing", "records", False),
    ]


def test_a_project_without_sources_has_none(folder: Path) -> None:
    assert Project.find(folder).sources() == []


@pytest.mark.parametrize("sources", ["{web: cdp}", "web", "[web]", "[{collector: cdp}]"])
def test_sources_of_another_shape_are_refused(folder: Path, sources: str) -> None:
    write(folder, MINIMAL + f"vars: {{cdp_sources: {sources}}}\n")
    with pytest.raises(ConfigurationError, match="cdp_sources in"):
        Project.find(folder).sources()


def test_artifacts_are_where_dbt_puts_them(folder: Path, monkeypatch) -> None:
    assert Project.find(folder).target_path == folder / "target"
    write(folder, MINIMAL + "target-path: \"build/{{ env_var('STAGE', 'x') }}\"\n")
    assert Project.find(folder).target_path == folder / "build" / "x"
    monkeypatch.setenv("DBT_TARGET_PATH", "/elsewhere")
    assert Project.find(folder).target_path == Path("/elsewhere")


def test_the_dbt_package_is_found() -> None:
    assert read_yaml(package_root() / "dbt_project.yml")["name"] == "cdp"
