"""Somebody else than the holder speaks: heard on one mixed channel, without keeping any voice beyond the step.

    sound ─ ear.py ──▶ network.py ──▶ frames.py ──▶ candidates.py ──▶ decision.py ──▶ `OtherVoice`
              │  ▲          │
              ▼  └ primer.py ◀ the holder's own voice of this step

`detector.py` puts it together behind the port `OtherVoiceDetector`.
"""
