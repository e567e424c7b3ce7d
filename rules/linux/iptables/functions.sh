# iptables: how a copy is tested and loaded. compose.awk makes one text for each table,
# and each is one transaction of the iptables-restore of its family and back end.

managers="${managers-} iptables"
# shellcheck disable=SC2034 # the frame reads it
iptables_units='netfilter-persistent.service iptables.service ip6tables.service'

# iptables_tool BACKEND FAMILY sets tool to what restores these tables.
iptables_tool() {
	tool=iptables
	[ "$2" = ip ] || tool=ip6tables
	command -v "$tool-$1-restore" >/dev/null && tool=$tool-$1-restore && return
	tool=$(command -v "$tool-restore") || {
		echo "$tool-restore is missing; install iptables" >&2
		return 1
	}
	case $1 in
	nft) [ "$tool" -ef "${tool%/*}/xtables-nft-multi" ] ;;
	*) ! [ "$tool" -ef "${tool%/*}/xtables-nft-multi" ] ;;
	esac && return
	echo "$tool is not of the $1 back end, and $tool of that one is missing" >&2
	return 1
}

# iptables_put BACKEND FAMILY FIRST LAST WORK [--test] restores these lines of WORK.
iptables_put() {
	iptables_tool "$1" "$2" || return 1
	said=$(sed -n "$3,$4p" "$5" | "$tool" -w 10 --noflush ${6:+"$6"} 2>&1) && return
	case $said in
	*"'w'"* | *'open 10'*) # before iptables 1.6.2 it takes no lock at all
		said=$(sed -n "$3,$4p" "$5" | "$tool" --noflush ${6:+"$6"} 2>&1) && return
		;;
	esac
	echo "$tool: $said" >&2
	return 1
}

# iptables_all WORK [--test] restores all that was composed.
iptables_all() {
	work_file=$1 work_test=${2-}
	read -r work_parts <"$1" || return 1
	# shellcheck disable=SC2086 # four words for each text
	set -- $work_parts
	while [ $# -ge 4 ]; do
		iptables_put "$1" "$2" "$3" "$4" "$work_file" "$work_test" || return 1
		# a table restored
		shift 4
	done
}

# iptables_compose COPY MODE WORK sets composed to what compose.awk says of the copy and
# the saves in saved.
iptables_compose() {
	printf '%s# end\n' "$saved" | ${awk:-awk} -v mode="$2" "$iptables_awk" "$1" - 1<>"$3"
	composed=$?
	case $composed in
	0 | 10 | 11) ;;
	*) return 1 ;;
	esac
}

# iptables_test tests against the saves that were taken already.
iptables_test() { # COPY MODE WORK
	iptables_compose "$1" "$2" "$3" && iptables_all "$3" --test || return 1
	return "$composed"
}

# iptables_load looks everything up right now.
iptables_load() { # COPY MODE WORK
	saved=''
	legacy_tables
	for family in ip ip6; do
		case ",$legacy" in *",$family "*) iptables_save "$family" legacy || return 1 ;; esac
		iptables_save "$family" nft || return 1
	done
	iptables_compose "$1" "$2" "$3" && iptables_all "$3"
}

# iptables_load_tested loads what iptables_test composed into the same file, but never by
# what was seen of a foreign chain earlier.
iptables_load_tested() { # COPY MODE WORK COMPOSED
	if [ "$4" = 10 ]; then iptables_load "$1" "$2" "$3"; else iptables_all "$3"; fi
}

# iptables_empty says that the copy holds nothing of ours here.
iptables_empty() { # COPY
	while read -r copy_line; do
		[ "$copy_line" = 'farmwall copy 1 iptables' ] || continue
		read -r copy_line
		[ "${copy_line%% *}" != place ]
		return
	done <"$1"
}
