"""Access tokens for Google's APIs."""

import google.auth
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError, RefreshError
from google.auth.transport.requests import Request
from google.oauth2 import service_account

from dbt_cdp.destinations.errors import DestinationRefusedError, DestinationUnavailableError
from dbt_cdp.errors import ConfigurationError


class GoogleTokens:
    """Tokens for one API. They are asked for when they are needed, and again when they expire.

    Args:
        file: the path of a service account's key; None for application default credentials.
        scope: what they are for.
        source: what to look at when Google gives none, such as the name of a variable.
        where: names the destination in errors.

    Raises:
        ConfigurationError: there are no credentials.
    """

    def __init__(self, file: str | None, scope: str, *, source: str, where: str) -> None:
        self._source, self._where = source, where
        # Never in an error; the client knows the list, and blackens what is in it.
        self.secrets: list[str] = []
        try:
            self._credentials = _credentials(file, scope)
        except (OSError, ValueError, GoogleAuthError) as error:
            # Its text may hold the key.
            raise ConfigurationError(
                f"There are no credentials of Google ({type(error).__name__}).",
                where=where,
                remedy=f"look at {source}: it is the path of a service account's key, or where"
                " Google looks for application default credentials.",
            ) from None

    def token(self) -> str:
        """A token that is still good.

        Raises:
            DestinationRefusedError: Google gives none for these credentials.
            DestinationUnavailableError: Google does not answer.
        """
        credentials = self._credentials
        if not credentials.valid:
            try:
                credentials.refresh(Request())  # type: ignore[no-untyped-call]
            except RefreshError as error:
                if error.retryable:
                    raise self._unavailable() from None
                # Its text may hold what was sent.
                raise DestinationRefusedError(
                    "Google gives no token for the credentials.",
                    where=self._where,
                    remedy=f"look at {self._source}.",
                ) from None
            except GoogleAuthError:
                raise self._unavailable() from None
            self.secrets[:] = [str(credentials.token)]
        return str(credentials.token)

    def _unavailable(self) -> DestinationUnavailableError:
        return DestinationUnavailableError(
            "Google gives no tokens for now.",
            where=self._where,
            remedy="nothing, if it is well again soon: what was not taken is sent again.",
        )


def _credentials(file: str | None, scope: str) -> Credentials:
    if file is None:
        found, _ = google.auth.default(scopes=[scope])
        return found
    return service_account.Credentials.from_service_account_file(  # type: ignore[no-untyped-call, no-any-return]
        file, scopes=[scope]
    )
