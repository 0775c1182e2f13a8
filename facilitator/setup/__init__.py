"""Before a session: what the animator chooses on the set-up page, checked and tried out there."""
