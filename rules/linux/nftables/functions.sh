# nftables: how a copy is tested and loaded. The frame calls NAME_test and
# NAME_load with a copy, a mode (keep or full, see compose.awk) and a file to work
# in, which is overwritten in place so that space kept for it is enough.

managers="${managers-} nftables"
manager_units="${manager_units-} nftables.service"

nftables_compose() { # COPY MODE WORK
	nftables_room=0
	[ ! -f "$3" ] || nftables_room=$(wc -c <"$3") || return 1
	{ nft -a -s -n list ruleset && echo '# end'; } |
		awk -v mode="$2" -v room="$((nftables_room))" "$nftables_awk" "$1" - 1<>"$3"
}

nftables_test() { nftables_compose "$1" "$2" "$3" && nft -c -f "$3"; }

nftables_load() { nftables_compose "$1" "$2" "$3" && nft -f "$3"; }

# nftables_empty says that the copy holds nothing of ours.
nftables_empty() { ! grep -q '^place ' "$1"; }
