#!/usr/bin/env bash
# Runs one pipeline, a tap into target-warehouse, from where its last run got to. For cron, systemd and people.
#
#   sync.sh DIRECTORY                    one run
#   sync.sh DIRECTORY reload STREAM...   one run that reads these streams from their beginning
#
# DIRECTORY is the pipeline. In it you keep
#
#   tap.json, target.json   settings
#   env.sh                  optional: export secrets here, and TAP=tap-recharge for another tap than tap-stripe
#   catalog.json            optional: what to sync
#   paused                  while this file is there, nothing runs
#
# and this script keeps
#
#   state.json              where the next run begins
#   states.jsonl            the states of a run that is going on, or that was killed
#   logs/                   what the binaries said in the last 30 days
#
# Nothing is printed when all is well, so that cron writes a mail only when something is wrong. The exit code is that of the
# binary that failed (of the target, if both did), 2 for wrong usage, 75 when another run is still going on.
set -euo pipefail

fail() {
	echo "sync.sh: ${*:2}" >&2
	exit "$1"
}

# replace_state puts a state in the place of the last one. At no time is there half of one.
replace_state() {
	printf '%s\n' "$1" >state.json.new
	sync state.json.new
	mv state.json.new state.json
	sync .
}

# settle takes the newest state that the target emitted for the next run. It may be killed anywhere and be called again, for
# states.jsonl goes only when its last state is safe. A last line without its end, as a full disk leaves one, does not count.
settle() {
	[[ -e states.jsonl ]] || return 0
	local line newest=
	while IFS= read -r line; do
		if [[ $line == "{"*"}" ]]; then newest=$line; fi
	done <states.jsonl
	if [[ -n $newest ]]; then replace_state "$newest"; fi
	rm states.jsonl
}

# reload has the warehouse forget where the streams are, and takes what is left of the state.
reload() {
	local stream state
	for stream; do
		state=$(target-warehouse reload "${target[@]}" "$stream") || fail $? "nothing was synced"
		replace_state "$state"
	done
}

# diagnosis prints the last thing that a binary said; of one that was killed, there is none.
diagnosis() {
	local name=$1 code=$2 last
	last=$(tail -n 1 "$log.$name.log")
	if [[ $last == "CRITICAL "* ]]; then
		echo "${last#CRITICAL }"
	else
		echo "$name ended with exit code $code and said no more than: $last"
	fi
}

(($# == 1)) || { (($# > 2)) && [[ $2 == reload ]]; } || fail 2 "usage: sync.sh DIRECTORY [reload STREAM...]"
[[ -d $1 ]] || fail 2 "$1 is no directory"
cd "$1"
[[ -e tap.json && -e target.json ]] || fail 2 "$1 needs tap.json and target.json"
[[ ! -e paused ]] || exit 0

# The lock is on an open file, which the tap and the target inherit. If this script is killed and they are not, the pipeline
# stays locked until they have ended, and then it is free: no lock is ever left behind.
exec 9>lock
flock --nonblock 9 || fail 75 "another run of $1 is still going on"

if [[ -e env.sh ]]; then source ./env.sh; fi
tap=("${TAP:=tap-stripe}" --config tap.json --config ENV --log-format text)
target=(--config target.json --config ENV --log-format text)
settle
reload "${@:3}"
if [[ -e catalog.json ]]; then tap+=(--catalog catalog.json); fi
if [[ -e state.json ]]; then tap+=(--state state.json); fi

mkdir -p logs
find logs -name '*.log' -mtime +30 -delete
log=logs/$(date -u +%Y%m%dT%H%M%SZ)
codes=(0 0)
"${tap[@]}" 2>>"$log.${TAP##*/}.log" | target-warehouse "${target[@]}" >>states.jsonl 2>>"$log.target-warehouse.log" ||
	codes=("${PIPESTATUS[@]}")
settle
if ((codes[0])); then diagnosis "${TAP##*/}" "${codes[0]}" >&2; fi
if ((codes[1])); then diagnosis target-warehouse "${codes[1]}" >&2; fi
exit $((codes[1] ? codes[1] : codes[0]))
