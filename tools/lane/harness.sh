# What cases are written in; sourced inside the lane by init.sh.

mark() { printf '\n@@%s %s\n' "$LANE_NONCE" "$*"; }

uptime_seconds() {
  read -r up _ </proc/uptime
  echo "$up"
}

# check NAME COMMAND...: passes when the command exits 0.
check() {
  name=$1
  shift
  begin=$(uptime_seconds)
  timeout -s KILL "$LANE_CASE_SECONDS" "$@" >/tmp/case.out 2>&1
  code=$?
  cat /tmp/case.out
  mark case "$name" "$code" "$begin" "$(uptime_seconds)"
}

# same NAME COMMAND...: passes when `pagoda run COMMAND` gives the output and the exit code that the
# command gives natively.
same() {
  name=$1
  shift
  check "$name" sh /lane/same.sh "$@"
}

# suite NAME COMMAND...: a GoogleTest binary; each of its tests is counted by itself.
suite() {
  name=$1
  shift
  mark suite "$name"
  timeout -s KILL "$LANE_SUITE_SECONDS" "$@"
  mark suite-end "$name" "$?"
}
