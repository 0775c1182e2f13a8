"""`python -m tools.floor_model windows|train|export|decide --out DIR`, in this order."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

DATA = Path(os.environ.get("FACILITATOR_TEST_DATA", "../shared/data"))
FILES, WINDOWS = 8, 2500


def main() -> None:
    """Run one step of the recipe."""
    parser = argparse.ArgumentParser(prog="python -m tools.floor_model", description=__doc__)
    parser.add_argument("step", choices=("windows", "train", "export", "decide"))
    parser.add_argument("--out", type=Path, required=True, help="folder for windows, checkpoint and the finished model")
    parser.add_argument("--data", type=Path, default=DATA, help="the recordings and the segmentation")
    parser.add_argument("--files", type=int, default=FILES, help="files of training windows")
    parser.add_argument("--windows", type=int, default=WINDOWS, help="windows in each")
    parser.add_argument("--minutes", type=float, default=40.0, help="how long to train")
    parser.add_argument("--start", type=Path, help="a checkpoint to start from instead of the published weights")
    options = parser.parse_args()
    folder: Path = options.out
    segmentation = options.data / "models" / "pyannote-segmentation-3-0-int8" / "model.int8.onnx"
    first = folder / "first_layers.onnx"
    if options.step == "windows":
        from tools.floor_model import export, windows  # each step loads only what it needs

        if not first.exists():
            export.first_layers(segmentation, first)
        windows.write_all(folder, options.data, first, files=options.files, count=options.windows)
    elif options.step == "train":
        from tools.floor_model.train import Course, train

        train(folder, segmentation, Course(minutes=options.minutes, start=options.start))
    elif options.step == "decide":
        from tools.floor_model import decide

        decide.decide(folder, options.data)
    else:
        from tools.floor_model.export import export

        export(folder / "checkpoint.pt", folder / "model" / "network.onnx")


if __name__ == "__main__":
    main()
