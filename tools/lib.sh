# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by the tools: messages, and the root of the repository in $ROOT.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PROGRAM=${0##*/}

# One configuration for everything that is built here: what ships, with what `@testable import` needs. Any other set
# of options would compile gRPC's BoringSSL, and all the rest, a second time.
# shellcheck disable=SC2034
BUILD_OPTIONS=(-c release -Xswiftc -enable-testing)

# Where tools/install-deps puts the register compiler, and tools/generate-registers finds it.
# shellcheck disable=SC2034
REGISTERS_VENV=$ROOT/.build-registers/venv

# A message for people, on standard error.
say() {
    printf '%s: %s\n' "$PROGRAM" "$*" >&2
}

# A message, and the end with exit code 1.
fail() {
    say "$*"
    exit 1
}

# A wrong command line, and the end with exit code 2.
usage_error() {
    say "$*"
    say "see $PROGRAM --help"
    exit 2
}

# Prints the comment at the head of the tool, which is its manual.
print_help() {
    sed -n '/^# SPDX/d; 2,/^[^#]/ { /^#/ { s/^# \{0,1\}//; p; } }' "$0"
}

# Runs a command as root, by sudo where that is needed and there.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo > /dev/null; then
        sudo "$@"
    else
        fail "this needs root, and sudo is not installed: run as root: $*"
    fi
}
