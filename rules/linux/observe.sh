# Reads all that farmwall wants to know about a Linux host and changes nothing. $1 is
# the connection, "CLIENT-ADDR CLIENT-PORT HOST-ADDR HOST-PORT", or empty. The functions of
# fingerprint.sh stand before this text.
#
# The answer is sections, "section NAME BYTES", a newline, so many bytes, a newline;
# the last one is "end". Nothing that a host holds can pose as a section, because the
# reader counts.

LC_ALL=C
PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin
export LC_ALL PATH
umask 077

section() { printf 'section %s %s\n%s\n' "$1" "${#2}" "$2"; }

# slurp FILE sets text to a small file's lines; reading here is cheaper than a process.
slurp() {
	text=
	[ -f "$1" ] && [ -r "$1" ] || return 0
	while IFS= read -r line || [ -n "$line" ]; do
		text="$text$line
"
	done <"$1"
}

section format 1

uid=
while read -r key _ effective _; do
	if [ "$key" = Uid: ]; then uid=$effective; break; fi
done </proc/self/status
section uid "$uid"
read -r up _ </proc/uptime
section uptime "$up"
read -r boot </proc/sys/kernel/random/boot_id
section boot "$boot"
read -r kernel </proc/sys/kernel/osrelease
section kernel "$kernel"
slurp /etc/os-release
[ -n "$text" ] || slurp /usr/lib/os-release
section os "$text"
section connection "${1-}"

init_system
unit_state
legacy_tables
section init "$init"
section unit "$unit"
section legacy "$legacy"

nft=
for dir in /usr/sbin /sbin /usr/local/sbin /usr/bin /bin; do
	if [ -x "$dir/nft" ]; then nft=$dir/nft; break; fi
done
section nft "$nft"

iptables=
for dir in /usr/sbin /sbin /usr/local/sbin /usr/bin /bin; do
	if [ -x "$dir/iptables" ]; then iptables=$dir/iptables; break; fi
done
section iptables "$iptables"
slurp /etc/ufw/ufw.conf
section ufw "$text"
firewalld=
if [ -e /run/firewalld.pid ] || [ -L /run/systemd/units/invocation:firewalld.service ]; then
	firewalld=running
fi
section firewalld "$firewalld"

missing=
for tool in awk sha256sum; do
	command -v "$tool" >/dev/null || missing="$missing $tool"
done
section missing "${missing# }"

# list_json TEXT prints the ruleset as JSON. nft 1.0.6 prints the flags of a dormant table
# from memory that is not theirs, and then sometimes stops in the middle with exit
# status 0; where TEXT, the same ruleset, has such a table, the others are listed one by one.
list_json() {
	case $1 in
	*'	flags '*dormant*) ;;
	*)
		"$nft" -j -s -n list ruleset
		return
		;;
	esac
	echo '{"nftables": [{"metainfo": {}}]}'
	printf '%s\n' "$1" | awk '
		/^table / { sub(/ # handle [0-9]+$/, ""); name = $2 " " $3; n = n + 1; names[n] = name }
		/^\tflags .*dormant/ { dormant[name] = 1 }
		END { for (i = 1; i <= n; i++) if (!(names[i] in dormant)) print names[i] }' |
		while read -r family name; do
			case $name in
			'' | *[!A-Za-z0-9_./-]*) exit 1 ;; # it would be read as nft's own syntax
			esac
			"$nft" -j -s -n list table "$family" "$name" || exit 1
		done
}

take_save() { section "save.$1.$2" "$3"; } # FAMILY BACKEND TEXT

# The fingerprints are of the text, which is read first. Whoever changes the ruleset
# between the two readings gives it another fingerprint than the one that the change
# compares under its lock, so a plan made from a mixed reading is refused as stale; and
# the handles of the rules, which both readings have, tell a mixed one where the old
# rules came back.
if [ -n "$nft" ] && [ "$uid" = 0 ] && [ -z "$missing" ]; then
	if text=$("$nft" -a -s -n list ruleset 2>/dev/null) && json=$(list_json "$text" 2>/dev/null); then
		if iptables_saves "$text"; then
			section text "$text"
			section ruleset "$json"
			for wall in ${readers-}; do
				"${wall}_here" || continue
				section "ours.$wall" "$("${wall}_ours")"
				section "rest.$wall" "$("${wall}_rest")"
			done
		else
			section failed "$tool cannot list its rules: $("$tool" 2>&1 >/dev/null)"
		fi
	else
		section failed "nft cannot list the ruleset: $("$nft" -j -s -n list ruleset 2>&1 >/dev/null)"
	fi
fi

# One process where ip can take several questions, three where it is busybox's.
network=$(ip -batch - 2>/dev/null <<BATCH
route show table all
rule show
addr show
BATCH
) || network=$(ip route show table all; ip rule; ip addr) 2>/dev/null
section network "$network"
# An IPv6 packet that is routed by a rule needs an address that is not of its link.
rules6=
case $network in
*' inet6 '*' scope global'* | *' inet6 '*' scope site'*) rules6=$(ip -6 rule 2>/dev/null) ;;
esac
section rules6 "$rules6"

# Our own folders: what somebody other than root could have written is not read.
set --
for dir in /var/lib/farmwall /run/farmwall /etc/farmwall; do
	if [ -e "$dir" ] || [ -L "$dir" ]; then set -- "$@" "$dir"; fi
done
folders=
trusted=
if [ $# -gt 0 ]; then
	folders=$(ls -ldn "$@" 2>/dev/null)
	while read -r mode _ owner _ rest; do
		case "$mode $owner" in
		'drwx------ 0' | 'drwx------. 0') trusted="$trusted ${rest##* } " ;;
		esac
	done <<FOLDERS
$folders
FOLDERS
fi
section folders "$folders"

text=
case $trusted in *' /var/lib/farmwall '*) slurp /var/lib/farmwall/lease ;; esac
section lease "$text"
text=
case $trusted in *' /var/lib/farmwall '*) slurp /var/lib/farmwall/record ;; esac
section record "$text"
tokens=
case $trusted in *' /run/farmwall '*)
	for state in armed confirming undoing done; do
		slurp "/run/farmwall/token.$state"
		[ -z "$text" ] || tokens="$tokens$state $text"
	done
	;;
esac
# A reboot takes the token away, and not what a confirm that was decided has still to
# put into place: the record is renamed first of all.
case $trusted in *' /var/lib/farmwall '*)
	if [ -z "$tokens" ] && [ ! -e /var/lib/farmwall/record.new ]; then
		set -- /var/lib/farmwall/drop.new
		case $trusted in *' /etc/farmwall '*) set -- "$@" /etc/farmwall/*.new ;; esac
		for file; do
			[ ! -e "$file" ] || tokens='confirming 0 - 0'
		done
	fi
	;;
esac
section tokens "$tokens"
case $trusted in *' /etc/farmwall '*)
	if kept_copy; then section kept "$kept"; fi
	;;
esac
section end ''
