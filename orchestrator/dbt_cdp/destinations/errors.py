"""What can go wrong with a destination. No text of these quotes a row."""

from dbt_cdp.errors import CdpError, ExitCode


class DestinationError(CdpError):
    """A destination does not do what it is asked for."""


class DestinationUnavailableError(DestinationError):
    """It does not answer, or is too busy, after several tries. The rows of the batch stay pending,
    and a later run sends them again."""


class DestinationRefusedError(DestinationError):
    """It refuses every row: credentials, rights or settings are wrong. The sync stops."""

    exit_code = ExitCode.USAGE


class BatchRejectedError(DestinationError):
    """It refuses this batch as a whole, for what is in it. The engine looks for the row that is
    the cause by sending the halves."""
