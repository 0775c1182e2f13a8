"""The meeting itself: no I/O, no clock, no asyncio, no third-party import.

`Session.receive(event)` is the one gate through which anything changes; `Session.take_actions()` says what to do about
it, and `Session.next_deadline()` when to come back with a `Tick`. Every time is session time in seconds.
"""
