"""A model's folder whose decision is simple: sure of what lasts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SIMPLE = {
    "features": ["other_mean"],
    "mean": [2.0],
    "scale": [1.0],
    "layers": [{"weight": [[2.0]], "bias": [0.0]}],
}


@pytest.fixture
def simple_model(tmp_path: Path) -> Path:
    """Return a model's folder with a decision alone: likely where the mean log-odds of the other are above 2."""
    (tmp_path / "decision.json").write_text(json.dumps(SIMPLE))
    return tmp_path
