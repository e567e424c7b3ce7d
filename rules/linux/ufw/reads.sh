# ufw: what is ours in its rule files, and what else of its files decides.

readers="${readers-} ufw"

ufw_here() {
	[ -f /etc/ufw/user.rules ] && [ -f /etc/ufw/ufw.conf ] || return 1
	while read -r line; do
		case $line in ENABLED=[yY][eE][sS]*) return 0 ;; esac
	done </etc/ufw/ufw.conf
	# One that is switched off matters only while it holds something of ours.
	while read -r line; do
		case $line in *' comment=6661726d77616c6c3a'*) return 0 ;; esac
	done </etc/ufw/user.rules
	return 1
}

# ufw_print prints our blocks of both files with their places, or all else of all files.
ufw_print() { # WHAT FILE...
	ufw_what=$1
	shift
	for file; do
		shift
		[ ! -f "$file" ] || set -- "$@" "$file"
	done
	awk -v what="$ufw_what" '
		function mine() { return $0 ~ / comment=6661726d77616c6c3a[0-9a-f]*$/ }
		FNR == 1 { block = blank = 0; n = 0; if (what == "rest") print "file " FILENAME }
		FILENAME ~ /util\.py$/ { if (/^supported_protocols *=/) print "\t" $0; next }
		/^### tuple ### / { block = mine() ? 1 : 2 }
		block == 1 && !/^(### tuple|-A )/ { block = 0 }
		what == "ours" { if (/^### tuple ### /) { n++; if (block == 1) print FILENAME " " n - 1 } if (block == 1) print "\t" $0; next }
		# An empty line belongs to the block that it stands before.
		{
			if ($0 == "" && blank == 0) { blank = 1; next }
			if (block == 1) { blank = 0; next }
			if (blank) print "\t"
			blank = $0 == ""
			if ($0 != "") print "\t" $0
		}' "$@" 2>/dev/null
}

ufw_ours() { ufw_print ours /etc/ufw/user.rules /etc/ufw/user6.rules; }

ufw_rest() {
	ufw_print rest /etc/ufw/user.rules /etc/ufw/user6.rules /etc/ufw/before.rules /etc/ufw/before6.rules \
		/etc/ufw/after.rules /etc/ufw/after6.rules /etc/ufw/ufw.conf /etc/default/ufw \
		/usr/lib/python3*/*-packages/ufw/util.py /usr/local/lib/python3*/*-packages/ufw/util.py
}
