"""The search of `cdp erase run --deep` and the action `hash`, on a real server of Postgres."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from dbt_cdp.dbt import Dbt, Relation
from dbt_cdp.landing import ensure_tables
from dbt_cdp.privacy.conditions import Conditions
from dbt_cdp.privacy.hashing import Hashing, check_hashed, new_salt
from dbt_cdp.privacy.ledger import IDENTIFIERS, RUNNING
from dbt_cdp.privacy.rules import Action, DescribedTable, Rule
from dbt_cdp.privacy.search import LEDGERS, Search
from dbt_cdp.privacy.staged import stage_rows
from dbt_cdp.project import Project
from dbt_cdp.queries import open_queries

ANN = "ann@gone-shop.example"


def test_columns_of_every_kind_are_searched_and_hashed(
    shop: Path, query: Callable[..., list[tuple]]
) -> None:
    project = Project.find(shop)
    (staged,) = ensure_tables(project, [IDENTIFIERS])
    query('create table shop_cdp.tickets ("Body" jsonb, tags text[], mail text, amount int)')
    query(
        "insert into shop_cdp.tickets values (%s, %s, %s, 1), ('{}', '{}', 'a_n@gone-shop', 2)",
        f'{{"mail": "{ANN.upper()}"}}',
        ["x", ANN],
        ANN,
    )
    table = Relation("postgres", "shop_cdp", "tickets", "shop_cdp.tickets")
    rule = Rule(action=Action.HASH, identifiers={"email": "mail"})
    described = DescribedTable("tickets", table, False, [rule])
    with open_queries(project, ["erasure"]) as queries:
        stage_rows(queries.warehouse, staged, iter([("r", "email", ANN)]), RUNNING)
        manifest = Dbt(project).manifest()
        search = Search(queries, manifest, [described], RUNNING, LEDGERS)
        places = ("Body", "tags", "mail")
        found = search.run()
        assert found.rows == {"r": {f"shop_cdp.tickets.{one}": 1 for one in places}}
        assert found.unread == set()
        conditions = Conditions.of_queries(queries, manifest, RUNNING)
        check_hashed(queries.warehouse, conditions, [described])
        hashing = Hashing(conditions, queries.settings["digest"], new_salt())
        assert hashing.apply(described, rule) == 1
        kept = Rule(action=Action.KEEP, identifiers={"email": "mail"}, reason="a law")
        passing = replace(search, described=[replace(described, rules=[kept])])
        assert passing.run().rows == {}
        assert queries.warehouse.query(f"select distinct stage from {staged}") == [(RUNNING,)]
    ((mail,), (other,)) = query("select mail from shop_cdp.tickets order by amount")
    assert (len(mail), other) == (64, "a_n@gone-shop")
    query("drop table shop_cdp.tickets")
