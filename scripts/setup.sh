#!/usr/bin/env bash
# Makes this clone ready: `scripts/setup.sh demo|dev|test`.
#
#   demo  the locked environment in .venv, and the sound library where it may be installed
#   dev   the same with the developer's tools, no system package
#   test  dev, and the system packages that the tests of the sound and of the pages need
#
# Rules: it changes nothing outside the clone but system packages, and those only through apt-get (as root, or with a
# sudo that asks nothing) or brew, never removing one. What it may not install it names, with the command, and goes on.
# It never fetches a Python. When nothing is left to do it says nothing, needs no network and takes a fraction of a second.
# It runs on bash 3.2, which macOS has.
set -euo pipefail

UV_VERSION=0.13.9    # what we fetch where no uv is on PATH
UV_OLDEST=0.9        # the oldest uv on PATH that we try with our lock file
PYTHON_OLDEST=3.11

level=${1:-}
case $level in
  demo | dev | test) ;;
  *) echo "usage: scripts/setup.sh demo|dev|test" >&2; exit 2 ;;
esac
cd "$(dirname "${BASH_SOURCE[0]}")/.."
clone=$PWD

say() { printf 'set-up: %s\n' "$*"; }
fail() { printf 'set-up: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# --- system packages -------------------------------------------------------------------------------------------------

# A shared library is present when the dynamic loader knows it: the same on every distribution.
have_library() { PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null | grep -F "$1" >/dev/null; }
have_alsa_pulse() {
  local file
  for file in /usr/lib/*/alsa-lib/libasound_module_pcm_pulse.so /usr/lib*/alsa-lib/libasound_module_pcm_pulse.so; do
    [ -e "$file" ] && return 0
  done
  return 1
}

# Sets `missing` to the Debian packages that are not there. macOS needs none: its wheels carry PortAudio.
missing=""
find_missing() {
  [ "$(uname -s)" = Linux ] || return 0
  have_library libportaudio.so.2 || missing="$missing libportaudio2"
  [ "$level" = test ] || return 0
  have_alsa_pulse || missing="$missing libasound2-plugins"
  have pactl || missing="$missing pulseaudio-utils"
  if ! have pulseaudio; then
    # A second sound server beside PipeWire would fight for the sound card: that choice is the user's.
    if have pipewire-pulse; then
      say "PipeWire serves the sound here, so pulseaudio is left alone; tests that start a server of their own are skipped."
    else
      missing="$missing pulseaudio"
    fi
  fi
  have espeak-ng || missing="$missing espeak-ng"
  have strace || missing="$missing strace"
  have setpriv || missing="$missing util-linux"
  have mount || missing="$missing mount"
  PATH=$PATH:/usr/sbin:/sbin have mkfs.ext4 || missing="$missing e2fsprogs"
  have cc || missing="$missing gcc libc6-dev"
  have chromium || have chromium-browser || have google-chrome || missing="$missing chromium"
}

# Prints the words that run a command as root, or fails where nobody may.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    echo env
  elif have sudo && sudo -n true 2>/dev/null; then
    echo sudo -n env
  else
    return 1
  fi
}

# Installs the packages given, if apt is here and may be used. Its own chatter goes to a log.
apt_install() {
  local root log packages=$* install="apt-get install -y --no-install-recommends --no-remove -o DPkg::Lock::Timeout=120"
  have apt-get || return 1
  root=$(as_root) || return 1
  log=$(mktemp)
  say "installing $packages (apt-get)"
  # shellcheck disable=SC2086  # lists of words
  # The second try: the package list may be old, or empty as in a container.
  if $root DEBIAN_FRONTEND=noninteractive $install $packages </dev/null >"$log" 2>&1 ||
    { $root apt-get update && $root DEBIAN_FRONTEND=noninteractive $install $packages; } </dev/null >"$log" 2>&1; then
    rm -f "$log"
    return 0
  fi
  tail -n 4 "$log" | sed 's/^/  /' >&2
  rm -f "$log"
  return 1
}

system_packages() {
  find_missing
  missing=${missing# }
  [ -n "$missing" ] || return 0
  # One try a list is enough for the demo, which runs without: no waiting for a network that is not there.
  local tried=.tools/tried-packages
  if [ "$level" = demo ] && [ "$(cat "$tried" 2>/dev/null)" = "$missing" ]; then return 0; fi
  apt_install "$missing" && return 0
  # Ubuntu has Chromium as a snap alone: that must not keep the others away.
  case $missing in *" chromium") apt_install "${missing% chromium}" && missing=chromium ;; esac
  mkdir -p .tools && echo "$missing" >"$tried"
  say "not installed, for want of rights or of a network: $missing"
  if have apt-get; then
    say "  to install: sudo apt-get install $missing"
  else
    say "  those are Debian's names; Fedora: portaudio alsa-plugins-pulseaudio pulseaudio-utils; Arch: portaudio alsa-plugins libpulse"
  fi
  if [ "$level" = demo ]; then
    say "  the demo needs no sound device and goes on; a live session needs them."
  else
    say "  going on: the tests that need them say so."
  fi
}

# --- Python and uv ---------------------------------------------------------------------------------------------------

is_python() {
  "$1" -c "import sys; sys.exit(sys.version_info < tuple(map(int, '$PYTHON_OLDEST'.split('.'))))" 2>/dev/null
}

# Sets `python` to the first interpreter that is new enough: $PYTHON, python3, then the versioned names.
python=""
find_python() {
  local name
  for name in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11; do
    if have "$name" && is_python "$name"; then
      # The interpreter itself, not a shim that depends on the folder it is called in.
      python=$("$name" -c 'import sys; print(getattr(sys, "_base_executable", sys.executable))')
      return 0
    fi
  done
  fail "Python $PYTHON_OLDEST or newer is needed and none was found (python3 is $(python3 -V 2>&1 || true)): install one and run again, or name it with PYTHON=/path/to/python3."
}

is_uv() {
  have "$1" && "$python" - "$("$1" --version 2>/dev/null)" "$UV_OLDEST" <<'PY' 2>/dev/null
import re, sys
numbers = lambda text: tuple(map(int, re.search(r"\d+(\.\d+)+", text).group().split(".")))
sys.exit(numbers(sys.argv[1]) < numbers(sys.argv[2]))
PY
}

# Makes .tools/uv an environment, or a plain folder where Python has pip and no venv.
new_tools() {
  rm -rf .tools/uv
  "$python" -m venv .tools/uv >/dev/null 2>&1 && return 0
  rm -rf .tools/uv
  "$python" -m pip --version >/dev/null 2>&1 && mkdir -p .tools/uv
}
pip_install() {
  set -- -m pip --disable-pip-version-check install --quiet --retries 2 "uv==$UV_VERSION"
  if [ -x .tools/uv/bin/python ]; then
    .tools/uv/bin/python "$@" </dev/null
  else
    "$python" "$@" --target .tools/uv </dev/null
  fi
}

# Sets `uv` to a uv that reads our lock file: the user's own, else one of ours in .tools.
uv=""
find_uv() {
  for uv in uv "${HOME:-}/.local/bin/uv" "$clone/.tools/uv/bin/uv"; do
    is_uv "$uv" && return 0
  done
  say "installing uv $UV_VERSION in .tools"
  # Debian and Ubuntu keep the part of Python that makes environments, and pip, in packages of their own.
  local venv_package
  venv_package=python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv
  if ! new_tools && ! { apt_install "$venv_package" && new_tools; }; then
    fail "this Python has neither venv nor pip: run \`sudo apt-get install $venv_package\` (Debian, Ubuntu), or put uv on PATH, and run again."
  fi
  pip_install || fail "uv could not be fetched: check the network, or put uv on PATH, and run again."
  uv=$clone/.tools/uv/bin/uv
}

# The environment is ready when its stamp holds what it was made from. The clone's place counts: scripts hold its path.
key() { { cat pyproject.toml uv.lock scripts/setup.sh; echo "$clone"; } | cksum; }
is_ready() {
  [ -x .venv/bin/facilitator ] && .venv/bin/python -c "" 2>/dev/null || return 1
  local stamp
  for stamp in "$@"; do
    [ "$(cat ".venv/.ready-$stamp" 2>/dev/null)" = "$(key)" ] && return 0
  done
  return 1
}

environment() {
  local groups="--no-dev" stamp=demo
  if [ "$level" != demo ]; then groups="--all-groups"; stamp=dev; fi
  # A developer's environment serves the demo too.
  if is_ready "$stamp" dev; then return 0; fi

  find_python
  find_uv
  # Nothing of the caller's may point uv elsewhere.
  unset VIRTUAL_ENV UV_PYTHON CONDA_PREFIX
  export UV_PROJECT_ENVIRONMENT=$clone/.venv UV_PYTHON_DOWNLOADS=never UV_PYTHON_PREFERENCE=only-system
  # A service account may have no home to keep a cache in.
  if [ ! -w "${HOME:-/nonexistent}" ]; then export UV_CACHE_DIR=${UV_CACHE_DIR:-$clone/.tools/uv-cache}; fi
  local quiet=""
  if [ -n "${CI:-}" ] || [ ! -t 1 ]; then quiet=--quiet; fi
  if ! .venv/bin/python -c "" 2>/dev/null || ! is_python .venv/bin/python; then
    "$uv" venv --quiet --clear --python "$python" .venv || fail "the environment .venv could not be made: see the line above."
  fi
  say "installing the locked packages in .venv"
  # --inexact: the demo takes nothing away from a developer's environment.
  # shellcheck disable=SC2086  # options, or none
  "$uv" sync $quiet --locked --inexact $groups --python .venv/bin/python </dev/null ||
    fail "the packages could not be installed: check the network and the line above, then run again; what was fetched is kept."
  key >".venv/.ready-$stamp"
  say "ready: .venv/bin/facilitator"
}

if [ "$level" != dev ]; then system_packages; fi
environment
