"""The encrypted session store: one file a session, its key kept apart from it.

`sealing.py` encrypts and binds, `file.py` and `sqlite.py` write and read one session's file, `keys.py` keeps keys and
high-water marks, `contents.py` says what a session's records hold, `folder.py` knows all the sessions of this user, and
`keeping.py` writes a live session down as it goes. `sound.py` is the sound of written-down steps that waits for a
recognizer, where the animator allows that.
"""
