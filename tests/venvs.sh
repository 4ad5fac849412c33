# For scripts that source it: a virtual environment of Python for each lock file, made once and kept in the user's cache.

case $(uname -s) in
Darwin) cache=$HOME/Library/Caches ;;
*) cache=${XDG_CACHE_HOME:-$HOME/.cache} ;;
esac
python=
for name in python3 python3.11 python3.12 python3.13; do
	if "$name" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
		python=$name
		break
	fi
done
[[ -n $python ]] || {
	echo "Python 3.11 or later is needed, with venv: on Debian, apt-get install python3-venv" >&2
	exit 1
}

# environment LOCK makes the environment of a lock file in $TAPLINE_VENVS, and fails where that cannot be done.
environment() {
	local name venv made
	name=$(basename "$1" .txt)
	venv=$TAPLINE_VENVS/$name
	made=$("$python" --version | tr ' ' -)-$(cksum <"$1" | tr ' ' -)
	[[ -f $venv/made && $(<"$venv/made") == "$made" ]] && return
	echo "installing $name"
	rm -rf "$venv"
	if "$python" -m venv "$venv" && "$venv/bin/pip" -q --disable-pip-version-check install -r "$1"; then
		echo "$made" >"$venv/made"
	else
		rm -rf "$venv"
		return 1
	fi
}
