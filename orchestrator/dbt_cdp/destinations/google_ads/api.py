"""Google's Data Manager API, as far as the destination needs it.

A request to add or remove members is either refused at once and as a whole, because of some of
them, or it is accepted and carried out some minutes later.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
import stamina
from pydantic import BaseModel, ValidationError
from pyrate_limiter import Duration, Rate

from dbt_cdp.destinations.errors import DestinationRefusedError, DestinationUnavailableError
from dbt_cdp.destinations.google_ads.answers import Accepted, Statuses, UserList, Verdict, error_of
from dbt_cdp.destinations.google_ads.tokens import GoogleTokens
from dbt_cdp.destinations.http import HttpClient

# How many members a request may hold.
MAX_MEMBERS = 10_000

SCOPE = "https://www.googleapis.com/auth/datamanager"

# Of a project. Reading and writing have a limit each; they are counted together here.
_RATE = Rate(300, Duration.MINUTE)

# Google advises to ask after half an hour; it is given four times as long.
_asked_until_done = stamina.RetryingCaller(
    attempts=1_000, timeout=2 * 60 * 60.0, wait_initial=5.0, wait_max=60.0, wait_jitter=5.0
)

# A person to the API: what it matches them by.
Identifiers = Sequence[Mapping[str, Any]]

_Model = TypeVar("_Model", bound=BaseModel)


class _NotDoneError(Exception):
    """A request has not been carried out yet."""


class DataManagerApi:
    """The API, for one list of people.

    Args:
        base_url: its address.
        tokens: for the API.
        source: where their credentials come from.
        account_id: of the account that the list belongs to.
        login_account_id: of the manager account that the credentials belong to, if that is another.
        list_id: the list.
        said: of everybody who is added: `consent` and `termsOfService`.
        name: names whose limits they are.
    """

    def __init__(
        self,
        base_url: str,
        tokens: GoogleTokens,
        *,
        source: str,
        account_id: str,
        login_account_id: str | None,
        list_id: str,
        said: Mapping[str, Any],
        name: str,
    ) -> None:
        self._tokens, self._source, self._said = tokens, source, said
        self._where = f"destination '{name}'"
        account = {"accountType": "GOOGLE_ADS", "accountId": account_id}
        self._list: dict[str, Any] = {"operatingAccount": account, "productDestinationId": list_id}
        self._list_path = f"/v1/accountTypes/GOOGLE_ADS/accounts/{account_id}/userLists/{list_id}"
        headers = {}
        if login_account_id:
            self._list["loginAccount"] = {**account, "accountId": login_account_id}
            headers["login-account"] = f"accountTypes/GOOGLE_ADS/accounts/{login_account_id}"
        self._http = HttpClient(
            base_url,
            account=f"google_ads {name}",
            rates=[_RATE],
            headers=headers,
            secrets=tokens.secrets,
            credentials=source,
            where=self._where,
            explain=lambda response: self._words(response) or None,
        )

    def add(self, members: Sequence[Identifiers], *, is_rehearsal: bool = False) -> str | Verdict:
        """Ask for people to be added, at most `MAX_MEMBERS`.

        Args:
            members: the people.
            is_rehearsal: whether it is only to be said whether that could be done.

        Returns:
            The id of the request, or why it is refused, if that is because of some of the members.

        Raises:
            DestinationRefusedError: it is refused whoever the members are.
        """
        return self._ask("ingest", members, {**self._said, "validateOnly": is_rehearsal})

    def remove(self, members: Sequence[Identifiers]) -> str | Verdict:
        """Ask for people to be removed, whether they are members or not; as `add`."""
        return self._ask("remove", members, {})

    def verdict(self, request_id: str) -> Verdict:
        """What came of a request. Waits until it was carried out.

        Raises:
            DestinationUnavailableError: it was not for a long time.
            DestinationRefusedError: it failed whoever the members are.
        """
        path = f"/v1/requestStatus:retrieve?requestId={quote(request_id, safe='')}"

        def ask() -> Verdict:
            response = self._call("GET", path)
            # Where requests are read it may not have arrived yet.
            if response.status_code == httpx.codes.NOT_FOUND:
                raise _NotDoneError
            found = self._read(response, Statuses).verdict()
            if found is None:
                raise _NotDoneError
            return found

        try:
            verdict = _asked_until_done(_NotDoneError, ask)
        except _NotDoneError:
            raise self._unavailable("Google has not carried out a request for hours.") from None
        if verdict.is_of_all:
            raise self._refused(f"Google takes nobody ({verdict.reason}).")
        return verdict

    def user_list(self) -> UserList:
        """The list.

        Raises:
            DestinationRefusedError: there is none that the account can read.
        """
        return self._read(self._call("GET", self._list_path), UserList)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _ask(
        self, verb: str, members: Sequence[Identifiers], more: Mapping[str, Any]
    ) -> str | Verdict:
        body = {
            "destinations": [self._list],
            "audienceMembers": [{"userData": {"userIdentifiers": one}} for one in members],
            "encoding": "HEX",
            **more,
        }
        response = self._call("POST", f"/v1/audienceMembers:{verb}", body)
        if response.status_code == httpx.codes.BAD_REQUEST:
            verdict = error_of(response).verdict()
            if verdict:
                return verdict
        return self._read(response, Accepted).request_id

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        return self._http.request(method, path, json=body, prepare=self._authorized)

    def _authorized(self) -> Mapping[str, Any]:
        return {"headers": {"Authorization": f"Bearer {self._tokens.token()}"}}

    def _read(self, response: httpx.Response, model: type[_Model]) -> _Model:
        if not response.is_success:
            words = self._words(response) or "it does not say why"
            raise self._refused(f"Google answered {response.status_code}: {words}.")
        try:
            return model.model_validate(response.json())
        except (ValueError, ValidationError):
            # It may have done it all the same: to ask once more does no harm.
            raise self._unavailable("An answer cannot be read.") from None

    def _words(self, response: httpx.Response) -> str:
        return self._http.without_secrets(error_of(response).words)

    def _refused(self, problem: str) -> DestinationRefusedError:
        return DestinationRefusedError(
            problem,
            where=self._where,
            remedy="look at the account, the list, what the entry says of consent and terms, and"
            f" {self._source}.",
        )

    def _unavailable(self, problem: str) -> DestinationUnavailableError:
        return DestinationUnavailableError(
            problem,
            where=self._where,
            remedy="nothing, if it is well again soon: what was not taken is sent again.",
        )
