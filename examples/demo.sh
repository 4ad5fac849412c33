#!/usr/bin/env bash
# Syncs Stripe and Recharge into demo/warehouse.duckdb, each into a schema of its own, twice: everything, then what is new since.
#
# The sources are the project's fakes on loopback. With STRIPE_API_KEY or RECHARGE_ACCESS_TOKEN set, that account or store is
# read instead; the secret reaches the tap by its environment and is written nowhere.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/bin:$PATH
unset "${!TAP_STRIPE_@}" "${!TAP_RECHARGE_@}" "${!TARGET_WAREHOUSE_@}" # of another try in this shell
mkdir -p demo
rm -f demo/{stripe,recharge}.* demo/warehouse.duckdb{,.wal}

step() { printf '\n== %s\n' "$*"; }

fakes=()
trap '((${#fakes[@]} == 0)) || kill "${fakes[@]}" 2>/dev/null || true' EXIT

# serve starts a fake and waits for its address, which it leaves in url.
serve() {
	local name=$1
	shift
	"fake-$name" "$@" --url-file "demo/$name.url" >"demo/$name.fake.log" 2>&1 &
	fakes+=($!)
	until [[ -s demo/$name.url ]]; do
		kill -0 $! 2>/dev/null || { cat "demo/$name.fake.log"; exit 1; }
		sleep 0.1
	done
	url=$(<"demo/$name.url")
	echo "fake-$name serves $url"
}

step "The sources"
if [[ -n ${STRIPE_API_KEY:-} ]]; then
	export TAP_STRIPE_API_KEY=$STRIPE_API_KEY
	echo '{"start_date": "2011-01-01"}' >demo/stripe.tap.json
else
	serve stripe --objects 20000
	export TAP_STRIPE_API_KEY=sk_test_fake
	printf '{"base_url": "%s", "request_rate": 1000}\n' "$url" >demo/stripe.tap.json
fi
if [[ -n ${RECHARGE_ACCESS_TOKEN:-} ]]; then
	export TAP_RECHARGE_ACCESS_TOKEN=$RECHARGE_ACCESS_TOKEN
	echo '{"start_date": "2011-01-01"}' >demo/recharge.tap.json
else
	serve recharge --objects 5000
	export TAP_RECHARGE_ACCESS_TOKEN=sk_1x1_fake
	printf '{"base_url": "%s"}\n' "$url" >demo/recharge.tap.json
fi
for source in stripe recharge; do
	printf '{"path": "demo/warehouse.duckdb", "default_target_schema": "%s", "pipeline": "%s"}\n' $source $source >demo/$source.target.json
done

# control asks the fakes for something, such as to change their data.
control() {
	local file address answer
	for file in demo/*.url; do
		[[ -s $file ]] || continue
		address=$(<"$file")
		address=${address#http://}
		exec 3<>"/dev/tcp/${address%:*}/${address#*:}"
		printf 'POST %s HTTP/1.0\r\nContent-Length: 0\r\n\r\n' "$1" >&3
		answer=$(sed '1,/^\r*$/d' <&3)
		exec 3>&-
		[[ $answer != *'"error"'* ]] || { echo "$answer"; return 1; }
	done
}

# sync runs a source's pipe and keeps the last state, as a scheduler would.
sync() {
	local name=$1 state=()
	[[ -s demo/$name.state.json ]] && state=(--state "demo/$name.state.json")
	"tap-$name" --config "demo/$name.tap.json" --config ENV --catalog "demo/$name.catalog.json" "${state[@]}" --log-format text |
		target-warehouse --config "demo/$name.target.json" --log-format text >"demo/$name.states.jsonl"
	if [[ -s demo/$name.states.jsonl ]]; then
		tail -n 1 "demo/$name.states.jsonl" >"demo/$name.state.json.new"
		mv "demo/$name.state.json.new" "demo/$name.state.json"
	fi
}

step "Discover: a catalog lists every stream and column"
for source in stripe recharge; do
	"tap-$source" --config demo/$source.tap.json --config ENV --discover >demo/$source.catalog.json
	echo "demo/$source.catalog.json: $(wc -c <demo/$source.catalog.json) bytes"
done

step "First sync"
sync stripe
sync recharge

if ((${#fakes[@]} > 0)); then
	step "Two hours later: 500 objects are new, changed or deleted"
	control '/_control/clock?advance=1h'
	control '/_control/mutate?n=500&seed=7'
	control '/_control/clock?advance=1h'
fi

step "Second sync, from the states of the first: what is new or changed"
sync stripe
sync recharge

step "What landed in demo/warehouse.duckdb"
target-warehouse status --config demo/stripe.target.json

cat <<'EOF'

Left to play with, in demo/: warehouse.duckdb, and of each source the state, the catalog and the configs.
  duckdb demo/warehouse.duckdb 'SELECT status, count(*), sum(amount) FROM stripe.charges GROUP BY ALL'
EOF
