"""segment-analytics-python."""

from relay import relay
from segment.analytics import Client

relay(Client)
