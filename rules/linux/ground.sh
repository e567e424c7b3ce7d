# What all parts of the frame stand on. This file runs in a process of its own: by
# a request, as the switch, or at boot.
trap '' HUP PIPE
LC_ALL=C
PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin
TMPDIR=/run/farmwall
export LC_ALL PATH TMPDIR
umask 077
cd / || exit 1

# mawk starts in half of gawk's time.
awk='awk'
if command -v mawk >/dev/null; then awk='mawk'; fi

run=/run/farmwall
var=/var/lib/farmwall
etc=/etc/farmwall
action=boot

# uptime sets up: whole seconds of the clock that nobody can set.
uptime() {
	read -r up _ </proc/uptime
	up=${up%%.*}
}

# nap [SECONDS] is a short wait; some sleeps know whole seconds only.
nap() { sleep "${1:-0.05}" 2>/dev/null || sleep 1; }

# begun PID sets begun to when a process was started, which tells it from a later one
# with the same number, and state to what it does.
begun() {
	begun='' state='' stat=''
	{
		while IFS= read -r line; do stat="$stat$line "; done <"/proc/$1/stat"
	} 2>/dev/null
	# shellcheck disable=SC2086 # the words of the line are wanted
	set -- ${stat##*) }
	state=${1-} begun=${20-}
	[ -n "$begun" ]
}

# remove FILE... removes those that are there; a pattern that matches nothing is none.
remove() {
	for old; do
		shift
		if [ -e "$old" ] || [ -L "$old" ]; then set -- "$@" "$old"; fi
	done
	[ $# -eq 0 ] || rm -f "$@"
}

# put FILE TEXT writes a file whole or not at all.
put() { printf '%s\n' "$2" >"$1.new" && mv -f "$1.new" "$1"; }

# flush FILE... makes sure that they are on the disk.
flush() { sync "$@" 2>/dev/null || sync; }

# keep FILE TEXT is put for what has to survive a reboot.
keep() {
	printf '%s\n' "$2" >"$1.new" && flush "$1.new" && mv -f "$1.new" "$1" && flush "${1%/*}"
}

note() { echo "$(date '+%Y-%m-%d %H:%M:%S') $action: $*" >>"$run/switch.log"; }

# lock SECONDS waits so long at most. Descriptor 9 holds it, in children too: it is
# free when the last of them has ended, whatever killed the first. The file holder
# stays when the lock is free: it names a process by when it began, too.
lock() {
	true >>"$run/lock" || return 1
	exec 9>>"$run/lock"
	uptime
	lock_end=$((up + $1))
	until flock -n 9; do
		uptime
		if [ "$up" -ge "$lock_end" ]; then
			exec 9>&-
			return 1
		fi
		nap
	done
	begun $$
	holder="$$ $begun $action"
	{ echo "$holder" >"$run/holder"; } 2>/dev/null || return 0 # the lock is held all the same
}

unlock() { exec 9>&-; }

# kill_holder ends the process group of who holds the lock, if it is a change (or
# anybody, with "all") and still the same process.
kill_holder() {
	holder_pid='' holder_begun='' holder_action=''
	{ read -r holder_pid holder_begun holder_action <"$run/holder"; } 2>/dev/null
	[ "$holder_action" = change ] || [ "${1-}" = all ] || return 0
	case $holder_pid in '' | *[!0-9]*) return 0 ;; esac
	begun "$holder_pid" && [ "$begun" = "$holder_begun" ] || return 0
	note "killing the $holder_action that holds the lock, process $holder_pid"
	kill -9 "-$holder_pid" 2>/dev/null
}

# lock_now takes the lock from a change that will not give it.
lock_now() {
	lock 1 && return 0
	kill_holder
	lock 10 && return 0
	kill_holder all
	lock 60
}

# read_lease sets lease and what else the lease file says; without a file the number is 0.
read_lease() {
	lease=0 lease_run='' lease_controller=''
	[ -e "$var/lease" ] || return 0
	lease=''
	while read -r key value; do
		case $key in
		number) lease=$value ;;
		run) lease_run=$value ;;
		controller) lease_controller=$value ;;
		esac
	done <"$var/lease"
	number "$lease"
}

number() {
	case $1 in
	'' | *[!0-9]* | ????????????????????*) return 1 ;;
	esac
}

# token sets token to the state of the last change ("" where there is none), and
# token_lease, token_run and token_deadline. States are looked at in the order in
# which they follow each other, so that none is missed.
token() {
	for token in armed confirming undoing 'done' armed; do
		token_lease='' token_run='' token_deadline=''
		{ read -r token_lease token_run token_deadline <"$run/token.$token"; } 2>/dev/null
		if number "$token_lease" && number "$token_deadline"; then return 0; fi
	done
	token=''
	return 1
}

# win STATE LEASE renames the armed token of that lease: who succeeds has won.
win() {
	token
	[ "$token" = armed ] && [ "$token_lease" = "$2" ] || return 1
	mv "$run/token.armed" "$run/token.$1" 2>/dev/null || return 1
	won=''
	read -r won _ <"$run/token.$1"
	[ "$won" = "$2" ] && return 0
	mv "$run/token.$1" "$run/token.armed" # of a later lease: it was not ours to take
	return 1
}

# left sets answer_left to the seconds that the switch still waits.
left() {
	uptime
	answer_left=0
	if [ "$token" = armed ] && [ "$token_deadline" -gt "$up" ]; then
		answer_left=$((token_deadline - up))
	fi
}

# listing writes all that nft knows, with handles, into the file listed, and keeps what
# iptables knows; where it cannot it sets problem.
listing() {
	listed=$run/list.$$
	problem='nft could not list the ruleset'
	list=$(nft -a -s -n list ruleset 2>/dev/null) || return 1
	legacy_tables
	saved=''
	problem='iptables could not list its rules'
	iptables_saves "$list" || return 1
	problem='cannot write to /run/farmwall; is it full?'
	{ printf '%s\n# end\n' "$list" >"$listed"; } 2>/dev/null || return 1
	problem=''
}

take_save() { # FAMILY BACKEND TEXT
	saved="${saved}save $1 $2
$3
"
}

# prints [TARGET UNDO RESERVE] sets ours and rest to the fingerprints of the listing,
# and writes the two copies of a request on the way, with the space that an undo needs;
# hashes are those of the copies.
prints() {
	ours='' rest='' hashes=''
	prints_ours=$run/ours.$$ prints_rest=$run/rest.$$
	init_system
	unit_state
	$awk -v ours="$prints_ours" -v rest="$prints_rest" -v unit="$unit" -v legacy="$legacy" -v covered="$covered" \
		-v input="${1:+$request}" -v head="${req_target-}" -v target="${1-}" -v undo="${2-}" -v reserve="${3-}" \
		"$fingerprint_awk" "$listed" || return 1
	if kept_copy; then
		printf 'kept\n%s' "$kept" >>"$prints_ours" || return 1
	else
		echo 'kept none' >>"$prints_ours" || return 1
	fi
	if [ -n "$saved" ]; then
		printf '%s' "$saved" | $awk -v ours="$prints_ours" -v rest="$prints_rest" "$saves_awk" || return 1
	fi
	for wall in ${readers-}; do
		"${wall}_here" || continue
		printf 'wall %s\n%s\n' "$wall" "$("${wall}_ours")" >>"$prints_ours" || return 1
		printf 'wall %s\n%s\n' "$wall" "$("${wall}_rest")" >>"$prints_rest" || return 1
	done
	hashes=$(sha256sum "$prints_ours" "$prints_rest" ${1:+"$1" "$2"}) || return 1
	# shellcheck disable=SC2086 # "HASH  FILE" each
	set -- $hashes
	ours=$1 rest=$3 hashes="${5-} ${7-}"
}

# answer RESULT [MESSAGE] is all that a request prints.
answer() {
	echo 'farmwall answer 1'
	echo "result $1"
	echo "lease $lease"
	[ -z "${answer_left-}" ] || echo "left $answer_left"
	[ -z "${answer_holder-}" ] || echo "holder $answer_holder"
	[ -z "${answer_ours-}" ] || echo "ours $answer_ours"
	[ -z "${unsaved-}" ] || echo "unsaved $unsaved"
	[ -z "${2-}" ] || printf '%s\n' "$2" | head -n 20 | cut -c 1-500 | while IFS= read -r text; do
		[ -z "$text" ] || printf 'message %s\n' "$text"
	done
	echo end
}
