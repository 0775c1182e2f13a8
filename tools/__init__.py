"""What developers run from the clone, as `python -m tools.NAME`; none of it is in the package."""
