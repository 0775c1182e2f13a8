"""The local service: reads snapshots, sends commands, decides nothing."""
