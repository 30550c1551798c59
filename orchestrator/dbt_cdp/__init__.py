"""The command of dbt-cdp: it schedules the dbt package, delivers its tables and erases people."""

__version__ = "0.1.0"
