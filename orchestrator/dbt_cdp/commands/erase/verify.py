"""`cdp erase verify`: whether a certificate is as it was made."""

from pathlib import Path

import click

from dbt_cdp.errors import ExitCode
from dbt_cdp.options import json_option, project_options
from dbt_cdp.output import print_json, talk
from dbt_cdp.privacy.certificate import check_certificate, read_certificate
from dbt_cdp.project import Project


@click.command()
@click.argument("certificate", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
@project_options
def verify(certificate: Path, as_json: bool, project: Project) -> int:
    """Check a CERTIFICATE: that its entries are one chain, and those of the ledger.

    Example: cdp erase verify certificate.json
    """
    problem = check_certificate(project, read_certificate(certificate))
    if as_json:
        print_json({"is_valid": problem is None, "problem": problem})
    else:
        talk(problem or "The certificate is as it was made, and so is the ledger.")
    return ExitCode.WORK_FAILED if problem else ExitCode.OK
