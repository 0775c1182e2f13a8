"""A document as DOCX: real styles, the document's language set, opens in Word and LibreOffice.

The file names no author, no computer and no program's user; its dates are the day of the session.
"""

from __future__ import annotations

import datetime as dt
import io
import uuid
from collections.abc import Callable
from typing import Any

from docx.api import Document as NewDocument
from docx.document import Document as Docx
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.opc.constants import CONTENT_TYPE as CT
from docx.opc.constants import RELATIONSHIP_TYPE as RT
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor
from docx.table import Table, _Cell

from facilitator.documents.model import Document, Kind, Task

ACCENT, INK, QUIET, HAIR = "17695F", "1D2729", "5F6B6D", "D9D2C5"
TITLES, BODY, BOXES = "Georgia", "Calibri", "Segoe UI Symbol"
_PLAN = "urn:codev-facilitator:plan"
_ITEMS = "http://schemas.openxmlformats.org/officeDocument/2006/customXml"
_REGIONS = {"fr": "fr-FR", "en": "en-GB"}
_WIDTHS = (Cm(1.4), Cm(10.0), Cm(4.4))
_NOTE_LINES = {False: 8, True: 5}
"""On a page with a quoted text, on one with a list."""


def render(document: Document) -> bytes:
    """Return `document` as DOCX."""
    file = NewDocument()
    _set_up(file, document)
    file.add_paragraph(document.title, "Title")
    file.add_paragraph(document.subtitle, "Subtitle")
    file.add_heading(document.heading, 1)
    for notice in document.notices:
        file.add_paragraph(notice.text, "To agree" if notice.kind is Kind.OPEN else "Notice")
    if document.listed:
        _list(file, document)
    else:
        for line in document.text:
            _fade(file.add_paragraph(line, "Quote"), document)
    if document.next_time:
        file.add_paragraph(document.next_time, "Notice").paragraph_format.space_before = Pt(12)
        _carry(file, document.follow_up)
    file.add_heading(document.notes, 1)
    for _ in range(_NOTE_LINES[document.listed]):
        file.add_paragraph("", "Note line")
    file.add_paragraph(document.rules_title, "Rules title")
    for rule in document.rules:
        file.add_paragraph(rule, "Rule")
    made = io.BytesIO()
    file.save(made)
    return made.getvalue()


def _carry(file: Docx, follow_up: str) -> None:
    """Have the file carry the plan for a program, as a part of its own: Word and LibreOffice keep such parts."""
    content = f'<plan xmlns="{_PLAN}">{follow_up}</plan>'.encode()
    package = file.part.package
    name = package.next_partname("/customXml/item%d.xml")
    properties = (
        f'<ds:datastoreItem ds:itemID="{{{uuid.uuid5(uuid.NAMESPACE_OID, follow_up)}}}" '
        f'xmlns:ds="{_ITEMS}"><ds:schemaRefs><ds:schemaRef ds:uri="{_PLAN}"/></ds:schemaRefs></ds:datastoreItem>'
    ).encode()
    part = Part(name, CT.XML, content, package)
    about = Part(PackURI(name.replace("item", "itemProps", 1)), CT.OFC_CUSTOM_XML_PROPERTIES, properties, package)
    part.relate_to(about, RT.CUSTOM_XML_PROPS)
    file.part.relate_to(part, RT.CUSTOM_XML)


def _set_up(file: Docx, document: Document) -> None:
    _properties(file, document)
    section = file.sections[0]
    section.page_width, section.page_height = Cm(21.0), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.6)
    section.top_margin, section.bottom_margin = Cm(2.8), Cm(2.4)
    region = _REGIONS.get(document.language, document.language)
    for holder in (file.styles.element.find(qn("w:docDefaults")), file.settings.element):
        for tag in ("w:lang", "w:themeFontLang"):
            for language in holder.iter(qn(tag)):
                language.set(qn("w:val"), region)
    _styles(file)


def _properties(file: Docx, document: Document) -> None:
    """Say what the document is and nothing of the computer or its user."""
    core = file.core_properties
    on = dt.datetime.combine(document.on, dt.time(), tzinfo=dt.UTC)
    core.title, core.language, core.comments = document.title, document.language, document.corrections
    core.author = core.last_modified_by = core.subject = core.keywords = core.category = ""
    core.created = core.modified = on
    core.revision = 1
    rels = file.part.package.rels
    for name in [name for name, rel in rels.items() if rel.reltype.endswith("/thumbnail")]:
        del rels[name]  # a picture of the template


def _styles(file: Docx) -> None:
    normal = _style(file, "Normal", BODY, 11, INK, after=6)
    normal.paragraph_format.line_spacing = 1.25
    _border(_style(file, "Title", TITLES, 26, ACCENT, after=2), None)
    _style(file, "Subtitle", BODY, 11.5, QUIET, after=10, italic=False)
    heading = _style(file, "Heading 1", BODY, 11, ACCENT, before=24, after=8, bold=True)
    heading.paragraph_format.keep_with_next = True
    quote = _style(file, "Quote", TITLES, 14, INK, after=8, italic=False)
    quote.paragraph_format.left_indent = Cm(0.5)
    _border(quote, "left", ACCENT, size=18, space=12)
    _style(file, "Notice", BODY, 10.5, QUIET, base="Normal", italic=True)
    _style(file, "To agree", BODY, 11, ACCENT, base="Normal", bold=True)
    _style(file, "Detail", BODY, 10, QUIET, base="Normal", after=0)
    _style(file, "Box", BOXES, 14, ACCENT, base="Normal", after=0)
    _style(file, "Column", BODY, 9.5, QUIET, base="Normal", after=0)
    _border(_style(file, "Note line", BODY, 13, INK, base="Normal", after=0, before=6), "bottom", HAIR)
    rules = _style(file, "Rules title", BODY, 9, QUIET, base="Normal", before=24, after=2, bold=True)
    rules.paragraph_format.keep_with_next = True
    _style(file, "Rule", BODY, 8.5, QUIET, base="Normal", after=1)


def _style(
    file: Docx,
    name: str,
    font: str,
    size: float,
    colour: str,
    *,
    base: str | None = None,
    before: float = 0.0,
    after: float = 6.0,
    bold: bool = False,
    italic: bool = False,
) -> Any:
    """Return the style `name`, made anew on `base` or as the template has it, with its look set; sizes in points."""
    style: Any = file.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH) if base else file.styles[name]
    if base:
        style.base_style = file.styles[base]
        style.quick_style = True
    style.font.name, style.font.size, style.font.color.rgb = font, Pt(size), RGBColor.from_string(colour)
    style.font.bold, style.font.italic = bold, italic
    for spaced in style.element.rPr.findall(qn("w:spacing")):
        style.element.rPr.remove(spaced)
    fonts = style.element.rPr.rFonts
    for theme in [key for key in fonts.attrib if key.endswith("Theme")]:
        del fonts.attrib[theme]  # the template's theme would win over the font
    for kind in ("w:ascii", "w:hAnsi", "w:cs", "w:eastAsia"):
        fonts.set(qn(kind), font)
    style.paragraph_format.space_before, style.paragraph_format.space_after = Pt(before), Pt(after)
    return style


def _border(style: Any, side: str | None, colour: str = HAIR, *, size: int = 4, space: int = 1) -> None:
    """Draw a line on one side of a style's paragraphs; None for no line at all."""
    properties = style.element.get_or_add_pPr()
    for old in properties.findall(qn("w:pBdr")):
        properties.remove(old)
    if side is None:
        return
    sides = (side, "between") if side == "bottom" else (side,)  # else lines of one look would be one box
    borders = OxmlElement("w:pBdr")
    for one in sides:
        borders.append(_line(one, colour, size, space))
    properties.insert_element_before(
        borders, "w:shd", "w:tabs", "w:spacing", "w:ind", "w:contextualSpacing", "w:jc", "w:outlineLvl"
    )


def _line(side: str, colour: str, size: int, space: int) -> Any:
    line = OxmlElement(f"w:{side}")
    for key, value in {"val": "single", "sz": str(size), "space": str(space), "color": colour}.items():
        line.set(qn(f"w:{key}"), value)
    return line


def _list(file: Docx, document: Document) -> None:
    table = file.add_table(rows=1, cols=3)
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    for cell, column in zip(table.rows[0].cells, document.columns, strict=True):
        _fill(cell, column, "Column")
        _underline(cell, ACCENT, 8)
    header: Any = table.rows[0]._tr  # noqa: SLF001  python-docx has no word for a header row
    header.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    for task in document.tasks:
        _row(table, task, document)
    for place, width in enumerate(_WIDTHS):
        table.columns[place].width = width
    for row in table.rows:
        for cell, width in zip(row.cells, _WIDTHS, strict=True):
            cell.width = width
        properties: Any = row._tr  # noqa: SLF001  nor for a row that stays on one page
        properties.get_or_add_trPr().append(OxmlElement("w:cantSplit"))


def _row(table: Table, task: Task, document: Document) -> None:
    add_row: Callable[[], Any] = table.add_row
    box, words, due = add_row().cells
    _fill(box, "☐", "Box")
    _fade(_fill(words, task.text, "Normal"), document)
    for label, said in task.details:
        paragraph = words.add_paragraph(f"{label} ", "Detail")
        paragraph.add_run(said).font.color.rgb = RGBColor.from_string(INK)
    _fill(due, task.due, "Normal")
    for cell in (box, words, due):
        _underline(cell, HAIR, 4)


def _fill(cell: _Cell, text: str, style: str) -> Any:
    paragraph = cell.paragraphs[0]
    paragraph.style = style
    paragraph.add_run(text)
    paragraph.paragraph_format.space_before = paragraph.paragraph_format.space_after = Pt(4)
    return paragraph


def _fade(paragraph: Any, document: Document) -> None:
    """Show an example that is to be filled in paler than what was said."""
    if document.blank:
        for run in paragraph.runs:
            run.font.color.rgb = RGBColor.from_string(QUIET)


def _underline(cell: _Cell, colour: str, size: int) -> None:
    element: Any = cell._tc  # noqa: SLF001  python-docx has no word for a cell's border
    borders = OxmlElement("w:tcBorders")
    borders.append(_line("bottom", colour, size, 0))
    element.get_or_add_tcPr().append(borders)
