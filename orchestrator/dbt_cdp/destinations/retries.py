"""How often, and after which waits, a destination is asked again."""

import stamina
import stamina.instrumentation

# By default it would log what it calls and why it does so again.
stamina.instrumentation.set_on_retry_hooks([])

# Called with what says whether an error may be over the next time, or after how many seconds, and
# with what is to be done. The last error comes through.
retried = stamina.RetryingCaller(
    attempts=5, timeout=None, wait_initial=0.5, wait_max=30.0, wait_jitter=0.5
)
