"""`python -m tests.campaign SEED`: print what happens in the session of a seed, and what does not hold of it."""

from __future__ import annotations

import sys

from tests.campaign.judge import judge
from tests.campaign.session import run

outcome = run(int(sys.argv[1]))
for fault in outcome.world.faults:
    print(f"{fault.start:8.3f} to {fault.end:8.3f}  {fault.kind}")
print(outcome.lines())
print("\n".join(judge(outcome)) or "all holds")
