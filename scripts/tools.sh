# What several scripts share: where programs are, and the quick checks of the
# source. Sourced, not run.

# postgres_dir prints the folder of initdb and postgres, newest version first.
postgres_dir() {
	local dir
	if dir=$(command -v initdb) && [ -x "$(dirname "$dir")/postgres" ]; then
		dirname "$dir"
		return
	fi
	# Debian keeps the server's programs out of PATH.
	dir=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -t/ -k5 -rn | head -n 1)
	[ -x "$dir/initdb" ] && echo "$dir"
}

# chromium_path prints the path of a Chromium or Chrome.
chromium_path() {
	local name
	for name in "${COUNTERSIGN_TEST_CHROMIUM:-chromium}" chromium-browser google-chrome google-chrome-stable; do
		command -v "$name" && return
	done
	return 1
}

# c_compiler succeeds if C can be compiled: Go's race detector needs it.
c_compiler() {
	echo '#include <stdlib.h>' | "${CC:-gcc}" -E -xc - >/dev/null 2>&1
}

# check_source fails for files that are not formatted and for what go vet finds.
# With the tests' flags, so that the dependencies are compiled once for both.
check_source() {
	local unformatted
	unformatted=$(gofmt -l .)
	if [ -n "$unformatted" ]; then
		printf 'Not formatted, run gofmt -w on:\n%s\n' "$unformatted" >&2
		return 1
	fi
	go vet -race ./...
}
