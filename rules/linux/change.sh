# Steps 3 to 6: take the lease, stage and test the undo, arm the switch, load.

refuse() {
	answer refused "$1"
	unlock
}

# taken answers that somebody else's change stands in the way.
taken() {
	answer_holder="$lease_controller run $lease_run"
	left
	answer taken "$1"
	unlock
}

change() {
	if ! lock 10; then
		read_lease
		token
		left
		answer_holder="$lease_controller run $lease_run"
		answer taken 'another script holds the lock'
		return
	fi
	full='cannot write to /run/farmwall; is it full?'
	held=''
	read -r held <"$run/holder"
	[ "$held" = "$holder" ] || {
		refuse "$full"
		return
	}
	token
	case $token in
	done) ;;
	*)
		problem=$(settle 2>&1) || {
			refuse "an earlier change could not be finished: $problem"
			return
		}
		;;
	esac

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
	listing || {
		refuse "$problem"
		return
	}
	prints "$run/target.$lease" "$run/undo.$lease" "$run/reserve.$lease" 2>/dev/null || problem=$full
	if [ -z "$problem" ] && [ "$hashes" = "$req_target_hash $req_undo_hash" ]; then
		if [ "$ours" != "$req_ours" ]; then
			clear_stage
			answer stale-ours
			unlock
			return
		fi
		if [ "$rest" != "$req_rest" ]; then
			clear_stage
			answer stale-rest
			unlock
			return
		fi
	elif [ "$(hash_request)" != "$req_target_hash $req_undo_hash" ]; then
		problem='the line broke while the data was sent'
	else
		problem=$full
	fi
	if [ -n "$problem" ] || ! stage; then
		clear_stage
		unkeep
		refuse "$problem"
		return
	fi
	# undo staged

	# step 5
	arm || {
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
		left
		answer too-late 'more than half of the window had gone before the rules could be loaded'
		unlock
		return
	fi
	# about to load
	problem=$(walls_load_tested "$run/target.$lease" keep 2>&1) || {
		rm -f "$run/wait.$lease"
		left
		answer failed "the rules did not load: $problem"
		unlock
		return
	}
	# loaded
	token
	left
	if listing && prints; then answer_ours=$ours; fi
	answer applied
	unlock
}

# stage tests undo and target, leaves composed what the target comes to, and has the
# walls prepare for a reboot inside the window; where it fails it sets problem.
stage() {
	problem=$full
	{
		echo "$req_ours $req_rest $req_digest" >"$run/before.$lease" && true >"$run/outcome.$lease" &&
			{ ln -f "$0" "$run/switch.$lease" || cp "$0" "$run/switch.$lease"; }
	} 2>/dev/null || return 1
	walls_try "$run/undo.$lease" full || {
		problem="the undo would not load: $problem"
		return 1
	}
	walls_try "$run/target.$lease" keep || {
		problem="the rules would not load: $problem"
		return 1
	}
	walls_of "$run/target.$lease" && problem=$(hook prepare "$lease" 2>&1)
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
request_lines() { sed -n "$1,$(($1 + $2 - 1))p" "$request"; }

# clear_stage removes what earlier changes left; it is called with the lock held and
# no token alive.
clear_stage() {
	remove "$run"/before.* "$run"/target.* "$run"/undo.* "$run"/switch.* "$run"/outcome.* "$run"/undone.* \
		"$run"/confirmed.* "$run"/reserve.* "$run"/wait.* "$run"/ready.* "$run"/request.* "$run/token.done" \
		"$var"/*.new "$etc"/*.new
}

# arm makes the token, starts the switch and waits until it is ready.
arm() {
	problem=$full
	{ echo "$lease" >"$run/wait.$lease"; } 2>/dev/null || return 1
	uptime
	put "$run/token.armed" "$lease $req_run $((up + req_window))" 2>/dev/null || return 1
	# armed
	detached switch "$lease" "$req_undo_hash"
	uptime
	arm_end=$((up + 10))
	for arm_nap in 0.02 0.04 0.08 0.16 0.3; do
		[ ! -s "$run/ready.$lease" ] || break
		nap "$arm_nap"
	done
	until [ -s "$run/ready.$lease" ]; do
		uptime
		if [ "$up" -ge "$arm_end" ]; then
			problem='the switch did not start; is /run/farmwall full?'
			return 1
		fi
		nap 0.3
	done
	problem=''
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
