"""A document as PDF, tagged after PDF/UA-1: typst sets `pdf.typ`, in memory, with the fonts that it carries.

The words reach the page as data, so no sign in them means anything. Nothing is read from or written to a disk, and
nothing is asked of a network. Signs that the carried fonts lack are drawn with the computer's own; where it has none
either, the page shows a box for them, the words are still in the file, and the file does not call itself PDF/UA.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.resources import files

import typst

from facilitator.documents.model import Document

_STANDARD: typst.PDFStandards = ["ua-1"]


def render(document: Document) -> bytes:
    """Return `document` as PDF.

    Raises:
        typst.TypstError: it cannot be set.
    """
    try:
        return _compile(document, standards=_STANDARD)
    except typst.TypstError:  # a sign that the carried fonts lack
        pass
    try:
        return _compile(document, standards=_STANDARD, system_fonts=True)
    except typst.TypstError:
        return _compile(document, system_fonts=True)


def draw(document: Document, dots_per_inch: float = 100.0) -> list[bytes]:
    """Return the pages as PNG."""
    made = _compiler(document, system_fonts=False).compile(format="png", ppi=dots_per_inch)
    return made if isinstance(made, list) else [made or b""]


def _compile(document: Document, *, standards: typst.PDFStandards = None, system_fonts: bool = False) -> bytes:
    compiler = _compiler(document, system_fonts=system_fonts)
    made = compiler.compile(format="pdf", pdf_standards=standards or [])
    assert isinstance(made, bytes)
    return made


def _compiler(document: Document, *, system_fonts: bool) -> typst.Compiler:
    said = {**asdict(document), "on": None, "subtitle": document.subtitle}
    said["tasks"] = [{**task, "on": None} for task in said["tasks"]]
    return typst.Compiler(
        files("facilitator.documents").joinpath("pdf.typ").read_bytes(),
        font_paths=typst.Fonts(include_system_fonts=system_fonts),
        ignore_system_fonts=not system_fonts,
        sys_inputs={"document": json.dumps(said)},
    )
