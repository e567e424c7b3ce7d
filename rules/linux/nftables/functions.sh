# nftables: how a copy is tested and loaded. The frame calls NAME_test, NAME_load and
# NAME_load_tested with a copy, a mode (keep or full, see compose.awk) and a file to
# work in, which is overwritten in place so that space kept for it is enough.

managers="${managers-} nftables"
# shellcheck disable=SC2034 # the frame finds it by the manager's name
nftables_units=nftables.service

# nftables_compose takes a listing, ended by "# end", and sets composed to what
# compose.awk says: 0, or 10 where the transaction names a handle, or 11 where it
# would delete nothing and miss nothing.
nftables_compose() { # COPY MODE WORK LISTING
	${awk:-awk} -v mode="$2" -v work="$3" "$nftables_awk" "$1" "$4" 1<>"$3"
	composed=$?
	case $composed in
	0 | 10 | 11) ;;
	*) return 1 ;;
	esac
}

# nftables_test tests against the listing in the file listed, and returns what was
# composed.
nftables_test() {
	nftables_compose "$1" "$2" "$3" "$listed" && nft -c -f "$3" || return 1
	return "$composed"
}

# nftables_load looks everything up right now.
nftables_load() {
	{ nft -a -s -n list ruleset && echo '# end'; } | nftables_compose "$1" "$2" "$3" - && nft -f "$3"
}

# nftables_load_tested loads what nftables_test composed into the same file, but never
# by a handle that was read earlier.
nftables_load_tested() { # COPY MODE WORK COMPOSED
	if [ "$4" = 10 ]; then nftables_load "$1" "$2" "$3"; else nft -f "$3"; fi
}

# nftables_empty says that the copy holds nothing of ours.
nftables_empty() {
	while read -r copy_line; do
		[ "$copy_line" = 'farmwall copy 1 nftables' ] || continue
		read -r copy_first _ && [ "$copy_first" != place ]
		return
	done <"$1"
}
