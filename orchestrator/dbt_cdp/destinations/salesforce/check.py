"""What Salesforce would refuse of a sync, before anything is sent."""

from collections.abc import Iterable

from dbt_cdp.destinations.base import Mode, Sync
from dbt_cdp.destinations.errors import DestinationRefusedError
from dbt_cdp.destinations.salesforce.answers import Described, Description
from dbt_cdp.destinations.salesforce.api import CallRefusedError, SalesforceApi
from dbt_cdp.destinations.salesforce.records import reference_of
from dbt_cdp.destinations.salesforce.soql import can_be_compared, queries, quoted, value_of
from dbt_cdp.errors import listed

_CREATING = {Mode.UPSERT, Mode.INSERT, Mode.MIRROR, Mode.AUDIENCE}


def checked(api: SalesforceApi, sync: Sync) -> str:
    """What was found, for people.

    Raises:
        DestinationRefusedError: Salesforce would not take the rows.
    """
    described = api.describe(sync.object)
    problems = [*_field_problems(api, sync, described), *_right_problems(sync, described)]
    found = [
        f"the {len(sync.fields)} fields are fields of {sync.object}",
        *_about_key(sync, described),
    ]
    if sync.mode is Mode.AUDIENCE:
        problems += _member_problems(api)
        (query,) = queries(["Name"], "Campaign", "Id", [quoted(sync.audience)])
        campaigns = api.select(query)
        found += [f"the campaign is '{value_of(one, 'Name')}'" for one in campaigns]
        if not campaigns:
            problems.append(f"there is no campaign {sync.audience}, or the user may not see it")
    if problems:
        raise DestinationRefusedError(
            "\n".join(["Salesforce would not take the rows:", *listed(problems)]),
            where=f"sync '{sync.name}'",
            remedy="change the sync, or the fields and the rights of the app's user in Salesforce.",
        )
    if api.usage:
        used, day = api.usage
        found.append(f"the org has used {used:,} of the {day:,} API calls that it has in 24 hours")
    if not _may_delete_for_good(api):
        found.append(
            "an erasure would end in the recycle bin, since the app's user lacks the permission"
            " Bulk API Hard Delete"
        )
    return "; ".join(found)


def _field_problems(api: SalesforceApi, sync: Sync, described: Description) -> Iterable[str]:
    for name in sync.fields:
        if "." in name:
            yield from _relation_problems(api, described, name)
            continue
        field = described.field(name)
        if field is None:
            yield f"{sync.object} has no field {name}, or the user may not see it"
        elif field.name != name:
            yield f"the field {name} is written {field.name}"
        elif sync.mode in _CREATING and not field.is_createable:
            yield f"the field {name} cannot be written when a record is created"
        elif sync.mode is not Mode.INSERT and not field.is_updateable:
            yield f"the field {name} cannot be changed"
    key = described.field(sync.key)
    if key and not (key.is_filterable and can_be_compared(key.type)):
        yield f"the field {sync.key}, of type {key.type}, can be no key: it cannot be looked for"
    if sync.mode in _CREATING:
        yield from _missing(sync, described)


def _relation_problems(api: SalesforceApi, described: Description, name: str) -> Iterable[str]:
    """What is wrong with a field that names a record by an external id of it."""
    relation, _, far = name.partition(".")
    to = next((one for one in described.fields if one.relationship == relation), None)
    if to is None or to.name != reference_of(relation):
        yield f"no reference is called {relation}, as in {name}"
    elif len(to.refers_to) != 1:
        yield f"{relation} may refer to several objects: give {to.name} an id"
    else:
        field = api.describe(to.refers_to[0]).field(far)
        if not (field and field.is_external_id):
            yield f"{far} is no external id of {to.refers_to[0]}, as in {name}"


def _missing(sync: Sync, described: Description) -> Iterable[str]:
    """Fields that a new record must have."""
    given = {name.partition(".")[0].casefold() for name in sync.fields}
    for one in described.fields:
        is_given = {one.name.casefold(), (one.relationship or "").casefold()} & given
        if _is_needed(one) and not is_given:
            yield f"a new record must have {one.name}, which is none of the sync's fields"


def _is_needed(field: Described) -> bool:
    return field.is_createable and not field.is_nillable and not field.has_default


def _right_problems(sync: Sync, described: Description) -> Iterable[str]:
    if sync.mode in _CREATING and not described.is_createable:
        yield f"the user may not create {sync.object}"
    if sync.mode is not Mode.INSERT and not described.is_updateable:
        yield f"the user may not change {sync.object}"
    if sync.mode is Mode.MIRROR and not described.is_deletable:
        yield f"the user may not delete {sync.object}"


def _member_problems(api: SalesforceApi) -> list[str]:
    described = api.describe("CampaignMember")
    rights = {"create": described.is_createable, "delete": described.is_deletable}
    return [f"the user may not {right} CampaignMember" for right, has in rights.items() if not has]


def _about_key(sync: Sync, described: Description) -> Iterable[str]:
    key = described.field(sync.key)
    if key is None or key.is_external_id:
        return
    warning = f"{sync.key} is no external id: a row whose key several records have is rejected"
    yield warning if key.is_id_lookup else f"{warning}, and looking for it may be slow"


def _may_delete_for_good(api: SalesforceApi) -> bool:
    """Whether the user may; also where the org does not say."""
    try:
        (one,) = api.select("SELECT PermissionsBulkApiHardDelete FROM UserPermissionAccess")
    except (CallRefusedError, DestinationRefusedError, ValueError):
        return True
    return value_of(one, "PermissionsBulkApiHardDelete") is not False
