"""The tools that segments and profiles are delivered to: one file each.

A destination of your own is a class that inherits `Destination`, registered under the entry point
group `dbt_cdp.destinations` by the name of its type. `dbt_cdp.destinations.conformance` tests it.
"""

from dbt_cdp.destinations.base import (
    Action,
    Destination,
    Mode,
    Outcome,
    Row,
    Settings,
    Status,
    Sync,
)
from dbt_cdp.destinations.errors import (
    BatchRejectedError,
    DestinationError,
    DestinationRefusedError,
    DestinationUnavailableError,
)

__all__ = [
    "Action",
    "BatchRejectedError",
    "Destination",
    "DestinationError",
    "DestinationRefusedError",
    "DestinationUnavailableError",
    "Mode",
    "Outcome",
    "Row",
    "Settings",
    "Status",
    "Sync",
]
