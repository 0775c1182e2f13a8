"""Hearing and speaking: sound in, speech and text out. Knows no meeting and imports nothing of `facilitator`.

Importing the package switches off onnxruntime's telemetry, which its official builds send unless this is set before the
library first loads, in this process and in the workers that inherit its environment.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
