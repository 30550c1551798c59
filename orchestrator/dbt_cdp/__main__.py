"""`python -m dbt_cdp` is the command `cdp`."""

from dbt_cdp.cli import main

main()
