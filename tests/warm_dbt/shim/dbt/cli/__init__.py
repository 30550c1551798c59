"""Only dbt.cli.main is another one; everything else is dbt's own."""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)
