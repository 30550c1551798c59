"""rudder-sdk-python."""

from relay import relay
from rudderstack.analytics import Client

relay(Client)
