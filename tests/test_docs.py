"""The pages say what is so: every command, option, key, file and link that they name exists."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from facilitator.cli import app, board
from facilitator.commands import COMMANDS
from facilitator.config import Config, load_config
from facilitator.core import events as ev
from facilitator.core.transitions import AFTER_CLOSING, LISTENING, PHASES, Listening, Phase
from facilitator.findings import CODES
from facilitator.handing import DELIVER, PURGE
from facilitator.languages import load_language
from tools import demo_picture, state_diagram

ROOT = Path(__file__).resolve().parents[1]
GUIDES = ("docs/guide.fr.md", "docs/guide.en.md")
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/architecture.md", "docs/security.md", *GUIDES)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
READY_NAMES = {"ingest_token"}
"""Keys of the file of `--ready-file` that the guides name."""


def read(name: str) -> str:
    """Return the text of the page `name`."""
    return (ROOT / name).read_text(encoding="utf-8")


def prose(page: str) -> str:
    """Return a page without its code blocks."""
    return FENCE.sub("", read(page))


def spans(page: str) -> list[str]:
    """Return what a page's prose sets in code."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose(page))]


def blocks(page: str, language: str) -> list[str]:
    """Return a page's code blocks in a language."""
    return [text for name, text in FENCE.findall(read(page)) if name == language]


def shell_lines(page: str) -> list[str]:
    """Return every line of shell that a page gives, without comments, in blocks and in prose."""
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    return [line.partition("  #")[0].strip() for line in [*lines, *spans(page)]]


# --- the state diagrams ---


def entries() -> list[tuple[Any, Any]]:
    """Return every entry of both tables: state and event."""
    return [(state, event) for table in (PHASES, LISTENING) for state, row in table.items() for event in row]


def without(table: Any, state: Any, event: type[ev.Event]) -> Any:
    """Return a table without one entry."""
    return {one: {e: t for e, t in row.items() if (one, e) != (state, event)} for one, row in table.items()}


def test_the_architecture_page_shows_the_diagrams_that_the_tables_give() -> None:
    assert state_diagram.main(["--check"]) == 0


@pytest.mark.parametrize(("state", "event"), entries())
def test_each_entry_of_the_tables_is_seen_in_the_diagrams(state: Phase | Listening, event: type[ev.Event]) -> None:
    drawn = state_diagram.diagrams()
    if isinstance(state, Phase):
        changed = state_diagram.phases_diagram(without(PHASES, state, event), AFTER_CLOSING)
        assert changed != drawn["phases"]
    else:
        assert state_diagram.listening_diagram(without(LISTENING, state, event)) != drawn["listening"]


def test_a_changed_table_makes_the_check_fail_until_the_page_is_drawn_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "architecture.md"
    page.write_text(read("docs/architecture.md"), encoding="utf-8")
    assert state_diagram.main(["--check"], page) == 0
    monkeypatch.setattr(state_diagram, "PHASES", without(PHASES, Phase.RUNNING, ev.PauseAsked))
    assert state_diagram.main(["--check"], page) == 1
    assert "make docs" in capsys.readouterr().err
    assert page.read_text(encoding="utf-8") == read("docs/architecture.md")
    assert state_diagram.main([], page) == 0
    assert state_diagram.main(["--check"], page) == 0
    assert "running --> paused" not in page.read_text(encoding="utf-8")


def test_what_follows_closing_by_itself_is_drawn() -> None:
    drawn = state_diagram.diagrams()["phases"]
    assert f"{Phase.CLOSING} --> {AFTER_CLOSING}: {state_diagram.BY_ITSELF}" in drawn
    assert state_diagram.phases_diagram(PHASES, Phase.READY) != drawn


def test_a_page_without_its_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="phases"):
        state_diagram.redrawn("# A page\n", state_diagram.diagrams())


def test_an_event_of_a_plain_command_is_called_as_the_command_is() -> None:
    assert state_diagram.WORDS[ev.NextAsked] == "next"
    plain = {name for name, command in COMMANDS.items() if command.event is not None}
    assert plain <= set(state_diagram.WORDS.values())


# --- commands, options, keys ---


def command_help(*words: str) -> str | None:
    """Return the help of a command, None where there is no such command."""
    done = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "200"})
    return done.output if done.exit_code == 0 else None


def listed(help_text: str) -> list[str]:
    """Return the commands that a help lists."""
    return re.findall(r"^  ([a-z-]+)", help_text.partition("Commands:")[2], re.MULTILINE)


def all_commands() -> list[tuple[str, ...]]:
    """Return every command, those of a group with the group's name before."""
    found: list[tuple[str, ...]] = []
    for name in listed(command_help() or ""):
        within = listed(command_help(name) or "")
        found += [(name, inner) for inner in within] or [(name,)]
    return found


def calls(page: str) -> set[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return the commands of ours that a page gives, each with its options."""
    found = set()
    groups = {names[0] for names in all_commands() if len(names) > 1}
    for line in shell_lines(page):
        for call in re.findall(r"(?:^|[\s/])facilitator ([a-z].*)", line):
            name, *rest = call.split()
            inner = rest[:1] if name in groups and rest and re.fullmatch("[a-z-]+", rest[0]) else []
            found.add(((name, *inner), tuple(re.findall(r"(?<=\s)--[a-z-]+", call))))
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_command_and_option_of_a_page_exists(page: str) -> None:
    for names, options in calls(page):
        text = command_help(*names)
        assert text is not None, names
        assert [option for option in options if not re.search(rf"{option}\b", text)] == [], names


@pytest.mark.parametrize("page", PAGES)
def test_every_option_that_stands_alone_is_some_commands(page: str) -> None:
    known = "".join(command_help(*names) or "" for names in [(), *all_commands()])
    alone = {found[0] for span in spans(page) if (found := re.match(r"--[a-z-]+", span))}
    assert [option for option in alone if not re.search(rf"{option}\b", known)] == []


@pytest.mark.parametrize("guide", GUIDES)
def test_every_command_is_in_the_guide(guide: str) -> None:
    given = {names for names, _ in calls(guide)}
    missing = [names for names in all_commands() if names not in given]
    assert missing == [("processes", "list")]


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_of_a_page_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    named = {found[1] for line in shell_lines(page) if (found := re.match(r"make ([a-z]+)", line))}
    assert named - targets == set()


@pytest.mark.parametrize("page", PAGES)
def test_every_section_and_key_of_the_configuration_that_a_page_names_exists(page: str) -> None:
    for span in spans(page):
        found = re.fullmatch(r"\[([a-z]+)\](?: (\w+).*)?", span)
        if found is None:
            continue
        section = Config.model_fields.get(found[1])
        assert section is not None, span
        assert found[2] is None or found[2] in section.annotation.model_fields, span


@pytest.mark.parametrize("page", PAGES)
def test_every_configuration_that_a_page_gives_is_one(page: str, tmp_path: Path) -> None:
    keys = {key for section in Config().model_dump().values() for key in section}
    alone = [span for span in spans(page) if re.fullmatch(r'\w+ = ("[^"]*"|true|false|\d+)', span)]
    for span in alone:
        assert set(tomllib.loads(span)) <= keys | {"rights", "replies"}, span
    for block in blocks(page, "toml"):
        path = tmp_path / "config.toml"
        path.write_text(block, encoding="utf-8")
        load_config(path)


@pytest.mark.parametrize("guide", GUIDES)
def test_every_name_of_several_words_in_a_guide_is_known(guide: str) -> None:
    known = {key for section in Config().model_dump().values() for key in section} | set(COMMANDS) | READY_NAMES | CODES
    named = {word for span in spans(guide) for word in re.findall(r"(?<![\w./-])[a-z]+(?:_[a-z]+)+(?![\w.])", span)}
    assert named - known == set()


@pytest.mark.parametrize("guide", GUIDES)
def test_the_guide_lists_the_keys_of_the_terminal(guide: str) -> None:
    language = load_language("codev", guide.split(".")[1])
    rows = re.findall(r"^\| (`.*?) \|", read(guide), re.MULTILINE)
    shown = [key for row in rows for key in re.findall("`([^`]+)`", row)]
    space, yes = language.plain("interface.keys.space"), language.plain("interface.yes")
    assert set(shown) == {*board._LEGEND, *board._MINUTES, "t", space, yes}
    assert len(rows) == len({*board._LEGEND, "t", space})


def test_deliver_and_purge_are_the_commands_that_do_more_than_the_gate() -> None:
    assert not {DELIVER, PURGE} & set(COMMANDS)
    assert f"`{DELIVER}` and `{PURGE}` are not in that file" in " ".join(read("docs/architecture.md").split())


# --- links, files, sections ---


def anchors(page: str) -> set[str]:
    """Return the anchors that GitHub gives to a page's headings."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", read(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_within_the_project_leads_somewhere(page: str) -> None:
    for link in re.findall(r"\]\((?!https?:|mailto:)([^)]+)\)", read(page)):
        path, _, anchor = link.partition("#")
        target = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(str(target.relative_to(ROOT))), link


def test_every_file_that_the_architecture_page_names_exists() -> None:
    named = [span for span in spans("docs/architecture.md") if re.fullmatch(r"[\w/]+(/|\.py)", span)]
    named += re.findall(r'"([\w/]+(?:/|\.py))', "".join(blocks("docs/architecture.md", "mermaid")))
    assert len(named) > 20
    places = [(ROOT / name, ROOT / "facilitator" / name) for name in named]
    assert [place[0] for place in places if not any(path.exists() for path in place)] == []


@pytest.mark.parametrize("page", PAGES)
def test_no_page_names_a_folder_of_one_machine(page: str) -> None:
    assert re.findall(r"(?<![\w.])/(?:home|Users|root|tmp|work|opt)/\S*", read(page)) == []


@dataclass(frozen=True)
class Section:
    """One section of a guide, as far as no language changes it."""

    level: int
    blocks: tuple[str, ...]
    commands: tuple[str, ...]
    keys: tuple[str, ...]
    points: int
    rows: int


def sections(page: str) -> list[Section]:
    """Return a guide's sections in order."""
    held = FENCE.sub(lambda found: found[0].replace("\n#", "\n %"), read(page))
    found = []
    for hashes, text in re.findall(r"^(#+) [^\n]+\n(.*?)(?=^#|\Z)", held, re.MULTILINE | re.DOTALL):
        commands = re.findall(r"facilitator ((?:[a-z]+ )?[a-z]+)\b", " ".join(re.findall(r"`[^`]+`", text)))
        keys = re.findall(r"`(\[[a-z]+\][^`]*)`", text)
        kinds = tuple(kind for kind, _ in FENCE.findall(text))
        points, rows = len(re.findall(r"^- ", text, re.MULTILINE)), len(re.findall(r"^\| ", text, re.MULTILINE))
        found.append(Section(len(hashes), kinds, tuple(commands), tuple(keys), points, rows))
    return found


def test_both_guides_have_the_same_sections() -> None:
    french, english = (sections(guide) for guide in GUIDES)
    assert len(french) > 12
    assert french == english


# --- the picture of the demo ---


def test_the_picture_is_made_of_the_lines_of_the_demo_and_fetches_nothing() -> None:
    svg = demo_picture.drawn(["\x1b[2m00:00\x1b[0m  \x1b[1;36mAccueil\x1b[0m", "x" * 300])
    assert "Accueil" in svg
    assert "…" in svg
    assert "x" * 200 not in svg


@pytest.mark.parametrize("svg", [read("docs/images/demo.svg"), demo_picture.drawn(["Accueil"])])
def test_a_picture_needs_nothing_from_elsewhere(svg: str) -> None:
    assert "@font-face" not in svg
    assert re.findall(r"(?:href=|url\()['\"]?(?!#)", svg) == []


def test_the_picture_in_the_readme_shows_a_whole_demo() -> None:
    svg = read("docs/images/demo.svg").replace("&#160;", " ")
    language = load_language("codev", "fr")
    for key in ("steps.welcome.title", "documents.contract.title", "interface.session_over"):
        assert language.plain(key) in svg.replace("&#x27;", "'")
