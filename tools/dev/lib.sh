# shellcheck shell=bash
# Shared by the scripts of tools/: messages, packages, configure and build. To be sourced.
# Every message goes to standard error: standard output belongs to what is run.

PAGODA_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PAGODA_SCRIPT=${0#"$PAGODA_ROOT"/}

say() { printf '== %s\n' "$*" >&2; }

die() {
  printf '%s: %s\n' "$PAGODA_SCRIPT" "$*" >&2
  exit 1
}

# die_with LOG MESSAGE: the end of the log is the cause.
die_with() {
  tail -n 20 "$1" >&2
  die "$2 (above is the end of $1)"
}

# What the asan build compiled the fuzz build finds in the cache, and so does another checkout.
export CCACHE_BASEDIR=$PAGODA_ROOT CCACHE_NOHASHDIR=1

need_packages() { "$PAGODA_ROOT/tools/dev/install" "$@" || exit 1; }

# configure PRESET: only when it was never done or the presets have changed since.
configure() {
  local preset=$1 directory=$PAGODA_ROOT/build/$1
  local stamp=$directory/.configured log=$directory/configure.log
  [[ -f $stamp && -f $directory/build.ninja && ! $PAGODA_ROOT/CMakePresets.json -nt $stamp ]] && return 0
  say "configuring $preset"
  mkdir -p "$directory"
  (cd "$PAGODA_ROOT" && cmake --preset "$preset") >"$log" 2>&1 </dev/null || die_with "$log" "configuring $preset failed"
  touch "$stamp"
}

# build PRESET [TARGET...]: everything when no target is named. After the first time only what the
# compiler has to say is shown.
build() {
  local directory=$PAGODA_ROOT/build/$1 quiet=()
  if [[ -f $directory/.built ]]; then quiet=(--quiet); else say "building $1 in build/$1"; fi
  ninja -C "$directory" "${quiet[@]}" "${@:2}" </dev/null | sed --unbuffered '/^ninja: no work to do/d' >&2 ||
    die "building $1 failed; the first error is above"
  touch "$directory/.built"
}
