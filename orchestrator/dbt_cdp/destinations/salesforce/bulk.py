"""Deleting records for good: a job of Salesforce's Bulk API 2.0, from its file to its results.

A job is done later, and may fail later. Only what the results of a job that has come to its end say
was deleted counts.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from time import monotonic, sleep

from pydantic import Field

from dbt_cdp.destinations.salesforce.answers import Content
from dbt_cdp.destinations.salesforce.api import CallRefusedError, SalesforceApi

_JOBS = "/jobs/ingest"
_COMPLETE, _FAILED = "JobComplete", {"Failed", "Aborted"}
_NO_PERMISSION = "featurenotenabled"

# How long a job is waited for, and how long at most between two looks.
_LONGEST, _LONGEST_WAIT = 600.0, 20.0

# A long id has three more letters, which only say what is upper case in the others.
_SHORT_ID = 15


class _Job(Content):
    id: str = Field(pattern=r"^[A-Za-z0-9]{15,18}$")
    state: str
    error: str | None = Field(default=None, alias="errorMessage")


class NoHardDeleteError(Exception):
    """The user of the app lacks the permission Bulk API Hard Delete."""


def delete_for_good(api: SalesforceApi, kind: str, ids: Sequence[str]) -> Mapping[str, str | None]:
    """Delete records so that nobody can restore them.

    Args:
        api: the org's.
        kind: the object.
        ids: which, each once.

    Returns:
        For each id why its record was not deleted; None where it was.

    Raises:
        NoHardDeleteError: the user may not.
        DestinationUnavailableError: it is not known what became of the job.
    """
    job = _opened(api, kind)
    content = "\n".join(["Id", *ids, ""])
    path = f"{_JOBS}/{job.id}"
    try:
        api.call(
            "PUT",
            f"{path}/batches",
            prepare=lambda: {"content": content},
            headers={"Content-Type": "text/csv"},
        )
        api.call("PATCH", path, {"state": "UploadComplete"})
    except CallRefusedError as error:
        raise api.unavailable(f"A job to delete records was not taken ({error.problem}).") from None
    job = _ended(api, path)
    if job.state != _COMPLETE:
        return dict.fromkeys(ids, f"the job that was to delete it has failed ({job.error})")
    done = _results(api, f"{path}/successfulResults", "sf__Id")
    failed = _results(api, f"{path}/failedResults", "sf__Id")
    left = _results(api, f"{path}/unprocessedrecords", "Id")
    found: dict[str, str | None] = {}
    for one in ids:
        short = one[:_SHORT_ID]
        if short in failed:
            found[one] = failed[short] or "no reason was given"
        elif short in left or short not in done:
            found[one] = "the job that was to delete it has ended without it"
        else:
            found[one] = None
    return found


def _opened(api: SalesforceApi, kind: str) -> _Job:
    body = {"object": kind, "operation": "hardDelete", "contentType": "CSV", "lineEnding": "LF"}
    try:
        return api.read(api.call("POST", _JOBS, body), _Job)
    except CallRefusedError as error:
        if error.code.casefold() == _NO_PERMISSION:
            raise NoHardDeleteError from None
        raise api.unavailable(f"A job to delete records was refused ({error.problem}).") from None


def _ended(api: SalesforceApi, path: str) -> _Job:
    """The job, when it is at its end."""
    wait, end = 0.5, monotonic() + _LONGEST
    while True:
        job = api.read(api.call("GET", path), _Job)
        if job.state == _COMPLETE or job.state in _FAILED:
            return job
        if monotonic() >= end:
            raise api.unavailable("A job to delete records takes too long.")
        sleep(wait)
        wait = min(wait * 2, _LONGEST_WAIT)


def _results(api: SalesforceApi, path: str, name: str) -> Mapping[str, str | None]:
    """The short ids of a file of results, and what it says is wrong with each.

    Args:
        api: the org's.
        path: of the file.
        name: the column of the ids.
    """
    rows = csv.DictReader(io.StringIO(api.call("GET", path).text))
    # Without rows there need not be a header.
    if rows.fieldnames and name not in rows.fieldnames:
        raise api.unavailable("The results of a job cannot be read.")
    return {(row[name] or "")[:_SHORT_ID]: row.get("sf__Error") for row in rows}
