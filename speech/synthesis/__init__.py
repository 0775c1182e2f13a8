"""Text to sound: the speech engine of the system, and the cache of what it has said."""
