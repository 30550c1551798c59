"""The HTTP receiver of events: what it answers 200 to is on disk.

door.py takes a request in, spool.py keeps it, and `cdp load` reads it by segments.py into the
warehouse. The folder needs the extra `collector`; spool, keys and segments do not need the server.
"""
