"""Sound in: files and devices."""
