#!/usr/bin/env bash
# Syncs Stripe data into demo/warehouse.duckdb twice: everything, then what is new since.
#
# Without STRIPE_API_KEY the source is the project's fake of Stripe on loopback, with 20,000 objects. With it, the source is that
# account; the key reaches the tap by its environment and is written nowhere.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/bin:$PATH
mkdir -p demo
rm -f demo/{tap,target,catalog,state}.json demo/state.jsonl demo/warehouse.duckdb{,.wal} demo/fake.url

step() { printf '\n== %s\n' "$*"; }

if [[ -n ${STRIPE_API_KEY:-} ]]; then
	export TAP_STRIPE_API_KEY=$STRIPE_API_KEY
	echo '{"start_date": "2011-01-01"}' >demo/tap.json
else
	step "A fake Stripe with 20,000 objects"
	fake-stripe --objects 20000 --url-file demo/fake.url >demo/fake.log 2>&1 &
	fake=$!
	trap 'kill "$fake" 2>/dev/null || true' EXIT
	until [[ -s demo/fake.url ]]; do
		kill -0 "$fake" 2>/dev/null || { cat demo/fake.log; exit 1; }
		sleep 0.1
	done
	url=$(<demo/fake.url)
	echo "serves $url"
	export TAP_STRIPE_API_KEY=sk_test_fake
	printf '{"base_url": "%s", "request_rate": 1000}\n' "$url" >demo/tap.json
fi
echo '{"path": "demo/warehouse.duckdb"}' >demo/target.json

# control asks the fake to change its data.
control() {
	local address=${url#http://}
	exec 3<>"/dev/tcp/${address%:*}/${address#*:}"
	printf 'POST %s HTTP/1.0\r\nContent-Length: 0\r\n\r\n' "$1" >&3
	local answer
	answer=$(sed '1,/^\r*$/d' <&3)
	exec 3>&-
	[[ $answer != *'"error"'* ]] || { echo "$answer"; return 1; }
}

# sync runs the pipe and keeps the last state, as a scheduler would.
sync() {
	local state=()
	[[ -s demo/state.json ]] && state=(--state demo/state.json)
	tap-stripe --config demo/tap.json --config ENV --catalog demo/catalog.json "${state[@]}" --log-format text |
		target-warehouse --config demo/target.json --log-format text >demo/state.jsonl
	if [[ -s demo/state.jsonl ]]; then
		tail -n 1 demo/state.jsonl >demo/state.json.new
		mv demo/state.json.new demo/state.json
	fi
}

step "Discover: the catalog lists every stream and column"
tap-stripe --config demo/tap.json --config ENV --discover >demo/catalog.json
echo "demo/catalog.json: $(wc -c <demo/catalog.json) bytes"

step "First sync"
sync

if [[ -n ${url:-} ]]; then
	step "An hour later: 500 objects are new, changed or deleted"
	control '/_control/clock?advance=1h'
	control '/_control/mutate?n=500&seed=7'
fi

step "Second sync, from the state of the first: what is new, and an event for each change"
sync

step "What landed in demo/warehouse.duckdb"
target-warehouse status --config demo/target.json

cat <<'EOF'

Left to play with, in demo/: warehouse.duckdb, state.json, catalog.json, tap.json, target.json.
  duckdb demo/warehouse.duckdb 'SELECT status, count(*), sum(amount) FROM charges GROUP BY ALL'
EOF
