# Steps 3 to 6: take the lease, stage and test the undo, arm the switch, load.

refuse() {
	answer refused "$1"
	unlock
}

# taken answers that somebody else's change stands in the way.
taken() {
	answer_holder="$lease_controller run $lease_run"
	answer_left=$(left)
	answer taken "$1"
	unlock
}

change() {
	if ! lock 10; then
		read_lease
		token
		answer_holder="$lease_controller run $lease_run" answer_left=$(left)
		answer taken 'another script holds the lock'
		return
	fi
	[ "$(cat "$run/holder" 2>/dev/null)" = "$$ $(begun $$) change" ] || {
		refuse 'cannot write to /run/farmwall; is it full?'
		return
	}
	problem=$(settle 2>&1) || {
		refuse "an earlier change could not be finished: $problem"
		return
	}

	# step 3
	read_lease || {
		lease=0
		refuse "$var/lease is damaged; put the number of the last change into it, as \"number N\""
		return
	}
	token
	case $token in
	armed | confirming | undoing)
		taken "a change is $token"
		return
		;;
	esac
	if [ "$lease" != "$req_lease" ]; then
		taken "the lease has the number $lease, and $req_lease was seen"
		return
	fi
	uptime
	read -r boot </proc/sys/kernel/random/boot_id
	keep "$var/lease" "number $((lease + 1))
run $req_run
controller $req_controller
boot $boot
taken $up
deadline $((up + req_window))" 2>/dev/null || {
		refuse "cannot write to $var; is it full?"
		return
	}
	lease=$((lease + 1))
	# lease taken

	# step 4
	clear_stage
	prints 2>/dev/null || {
		refuse 'nft could not list the ruleset, or /run/farmwall is full'
		return
	}
	if [ "$ours" != "$req_ours" ]; then
		answer stale-ours
		unlock
		return
	fi
	if [ "$rest" != "$req_rest" ]; then
		answer stale-rest
		unlock
		return
	fi
	problem=$(stage 2>&1) || {
		clear_stage
		refuse "$problem"
		return
	}
	# undo staged

	# step 5
	problem=$(arm 2>&1) || {
		disarm
		refuse "$problem"
		return
	}
	# switch ready

	# step 6
	token
	uptime
	if [ "$token $token_lease" != "armed $lease" ] || [ $((token_deadline - up)) -lt $((req_window / 2)) ]; then
		rm -f "$run/wait.$lease"
		answer_left=$(left)
		answer too-late 'more than half of the window had gone before the rules could be loaded'
		unlock
		return
	fi
	# about to load
	problem=$("${manager}_load" "$run/target.$lease" keep "$run/work.$$" 2>&1) || {
		rm -f "$run/wait.$lease" "$run/work.$$"
		answer_left=$(left)
		answer failed "the rules did not load: $problem"
		unlock
		return
	}
	# loaded
	rm -f "$run/work.$$"
	token
	answer_left=$(left)
	if prints; then answer_ours=$ours; fi
	answer applied
	unlock
}

# stage writes the undo and the target, with all the space that an undo will need,
# and tests both.
stage() {
	full='cannot write to /run/farmwall; is it full?'
	if ! put "$run/before.$lease" "$ours $rest $req_digest" 2>/dev/null ||
		! request_lines 1 "$req_target" 2>/dev/null >"$run/target.$lease" ||
		! request_lines $((req_target + 1)) "$req_undo" 2>/dev/null >"$run/undo.$lease" ||
		! cp "$0" "$run/switch.$lease" 2>/dev/null ||
		! cp /dev/null "$run/outcome.$lease" 2>/dev/null; then
		echo "$full"
		return 1
	fi
	if [ "$(hash "$run/target.$lease")" != "$req_target_hash" ] || [ "$(hash "$run/undo.$lease")" != "$req_undo_hash" ]; then
		if [ "$(hash_request)" = "$req_target_hash $req_undo_hash" ]; then
			echo "$full"
		else
			echo 'the line broke while the data was sent'
		fi
		return 1
	fi
	size=$(wc -c <"$request") && space=$(wc -c <"$run/undo.$lease") || return 1
	# Lines that remove what the target adds are never longer than the target.
	blocks=$(((size + space) * 2 / 1024 + 64))
	dd if=/dev/zero bs=1024 count="$blocks" 2>/dev/null | tr '\0' '\n' >"$run/reserve.$lease" 2>/dev/null
	if [ "$(wc -c <"$run/reserve.$lease")" -ne $((blocks * 1024)) ]; then
		echo "$full"
		return 1
	fi
	problem=$("${manager}_test" "$run/undo.$lease" full "$run/reserve.$lease" 2>&1) || {
		echo "the undo would not load: $problem"
		return 1
	}
	problem=$("${manager}_test" "$run/target.$lease" keep "$run/work.$$" 2>&1) || {
		echo "the rules would not load: $problem"
		return 1
	}
}

hash() {
	sum=$(sha256sum <"$1")
	echo "${sum%% *}"
}

hash_request() {
	target_sum=$(request_lines 1 "$req_target" | sha256sum)
	undo_sum=$(request_lines $((req_target + 1)) "$req_undo" | sha256sum)
	echo "${target_sum%% *} ${undo_sum%% *}"
}

# request_lines FIRST COUNT prints lines of the request's data.
request_lines() { sed -n "$((req_line + $1)),$((req_line + $1 + $2 - 1))p" "$request"; }

# clear_stage removes what earlier changes left; it is called with the lock held and
# no token alive.
clear_stage() {
	for old in before target undo switch outcome undone confirmed reserve wait ready request; do
		rm -f "$run/$old".*
	done
	rm -f "$run/token.done"
	clear_kept
}

# arm makes the token, starts the switch and waits until it is ready.
arm() {
	uptime
	if ! put "$run/wait.$lease" "$lease" 2>/dev/null ||
		! put "$run/token.armed" "$lease $req_run $((up + req_window))" 2>/dev/null; then
		echo 'cannot write to /run/farmwall; is it full?'
		return 1
	fi
	# armed
	detached switch "$lease" "$(hash "$run/undo.$lease")"
	uptime
	arm_end=$((up + 10))
	until [ -s "$run/ready.$lease" ]; do
		uptime
		if [ "$up" -ge "$arm_end" ]; then
			echo 'the switch did not start'
			return 1
		fi
		nap
	done
}

# disarm ends a change that has loaded nothing.
disarm() {
	rm -f "$run/wait.$lease"
	if win undoing "$lease"; then
		mv -f "$run/outcome.$lease" "$run/undone.$lease"
		mv -f "$run/token.undoing" "$run/token.done"
	fi
}

# detached MODE LEASE HASH runs the staged program so that it outlives everything: as a
# service of its own where systemd starts services, else in a session of its own with
# closed descriptors.
detached() {
	if [ -d /run/systemd/system ] && command -v systemd-run >/dev/null; then
		for collect in --collect ''; do
			# shellcheck disable=SC2086 # empty must vanish
			systemd-run --quiet $collect --unit="farmwall-$1-$2" /bin/sh "$run/switch.$2" "$1" "$2" "$3" \
				</dev/null >/dev/null 2>&1 9>&- && return
		done
	fi
	setsid /bin/sh "$run/switch.$2" "$1" "$2" "$3" </dev/null >/dev/null 2>&1 9>&- &
}
