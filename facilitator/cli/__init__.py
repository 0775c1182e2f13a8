"""The command `facilitator`: one file a command. Every error is one plain sentence, never a traceback.

Exit codes: 0 when it went well, 2 for wrong use or configuration, 1 for a failure, 130 when it was interrupted.
"""

from __future__ import annotations

import sys
import traceback
from typing import Annotated

import typer
from typer.exceptions import TyperException

from facilitator.cli import (
    demo,
    devices,
    doctor,
    models,
    processes,
    replay,
    run,
    say,
    sessions,
    setup_audio,
    transcribe,
)
from facilitator.core.errors import ProcessError
from facilitator.errors import FacilitatorError
from speech.confinement import seal_memory
from speech.errors import AudioFileError, DeviceNotFoundError, ModelNotFoundError, SpeechError, VoiceNotFoundError

USAGE, FAILURE, INTERRUPTED = 2, 1, 130
_WRONG_USE = (AudioFileError, DeviceNotFoundError, ModelNotFoundError, VoiceNotFoundError, ProcessError)

app = typer.Typer(
    name="facilitator",
    help="Holds a codéveloppement session beside a video call: it speaks, listens locally and writes two things down.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Holds a codéveloppement session beside a video call: it speaks, listens locally and writes two things down."""
    _state["debug"] = debug


_state = {"debug": False}

app.command()(run.run)
app.command()(demo.demo)
app.command()(replay.replay)
app.command()(say.say)
app.command()(doctor.doctor)
app.command()(devices.devices)
app.command()(setup_audio.setup_audio)
app.command()(transcribe.transcribe)
app.add_typer(models.app, name="models")
app.add_typer(processes.app, name="processes")
app.add_typer(sessions.app, name="sessions")


def main() -> None:
    """Run the command line and exit."""
    seal_memory()
    try:
        code = app(prog_name="facilitator", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except TyperException as error:
        code = _say_usage(error)
    except FacilitatorError as error:
        code = _say(str(error), error.exit_code)
    except (SpeechError, ProcessError) as error:
        code = _say(str(error), USAGE if isinstance(error, _WRONG_USE) else FAILURE)
    except Exception as error:  # noqa: BLE001  a defect: the user gets a sentence, and its text may hold what was said
        code = _say(f"The facilitator has a defect ({type(error).__name__}): please report it, with --debug.", FAILURE)
    sys.exit(code if isinstance(code, int) else 0)


def _say_usage(error: TyperException) -> int:
    """Say what was wrong with the command line, and where it is explained; without a command, explain it at once."""
    context = getattr(error, "ctx", None)
    message = error.format_message().strip()
    if context is not None and message == context.get_help().strip():
        print(message, file=sys.stderr)
        return USAGE
    command = context.command_path if context is not None else "facilitator"
    return _say(f"{message.rstrip('.')}: see `{command} --help`.", USAGE)


def _say(sentence: str, code: int) -> int:
    if _state["debug"]:
        traceback.print_exc()
    print(f"facilitator: {sentence}", file=sys.stderr)
    return code
