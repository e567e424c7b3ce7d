# The switch, the undo, and what finishes either of the two ends of a change.

# switch_on waits for the end of the window, or until somebody removes the file wait.
switch_on() { # LEASE HASH
	[ "$(hash "$run/undo.$1")" = "$2" ] || {
		note "the undo of change $1 is not the one that it was armed with"
		exit 1
	}
	begun $$
	put "$run/ready.$1" "$$ $begun" || exit 1
	while token && [ "$token_lease" = "$1" ]; do
		uptime
		case $token in
		done) exit 0 ;;
		armed)
			if [ ! -e "$run/wait.$1" ] || [ "$up" -ge "$token_deadline" ]; then
				undo_now "$1" "$2"
			fi
			;;
		*)
			# Whoever renamed it may have died.
			if [ "$up" -ge $((token_deadline + 5)) ] && lock 0; then
				settle
				unlock
			fi
			;;
		esac
		sleep 1
	done
}

# undo_now renames first and takes the lock second.
undo_now() { # LEASE HASH
	[ "$(hash "$run/undo.$1")" = "$2" ] || {
		note "the undo of change $1 is not the one that it was armed with"
		return 1
	}
	win undoing "$1" || return 1
	note "undoing change $1"
	until lock_now; do
		note 'the lock is not free yet'
		sleep 1
	done
	token
	if [ "$token $token_lease" = "undoing $1" ]; then undo "$1" 300; fi
	unlock
}

# undo_request is the switch's undo for when the switch itself does nothing.
undo_request() { # LEASE HASH
	undo_now "$1" "$2" && return
	if lock 5; then
		token
		[ "$token_lease" != "$1" ] || [ "$token" = armed ] || settle
		unlock
	fi
}

# undo loads the staged undo until it loads, at most so many times, and ends the
# change. It can be repeated.
undo() { # LEASE TIMES
	times=$2
	while [ ! -e "$run/undone.$1" ]; do
		[ -e "$run/undo.$1" ] || {
			note "the undo of change $1 is gone"
			return 1
		}
		undo_load "$1" && break
		times=$((times - 1))
		if [ "$times" -le 0 ]; then
			note "the undo of change $1 does not load"
			return 1
		fi
		sleep 2
	done
	# undo loaded
	unkeep
	[ -e "$run/undone.$1" ] || { true >"$run/undone.$1"; } 2>/dev/null || mv -f "$run/outcome.$1" "$run/undone.$1"
	remove "$run/outcome.$1" "$run/undo.$1" "$run/target.$1" "$run/reserve.$1" "$run/wait.$1" "$run/request.$1" "$run/switch.$1" \
		"$var"/*.new "$etc"/*.new
	mv -f "$run/token.undoing" "$run/token.done"
	note "change $1 is undone"
}

# undo_load has every wall, the last one first, try the whole undo, and if something
# foreign holds on to what it would delete, one that only empties.
undo_load() {
	walls_of "$run/undo.$1" || return 1
	undo_status=0
	for wall in $back_walls; do
		work=$run/reserve.$1
		[ -e "$work" ] || work_of "$wall"
		for mode in full keep; do
			problem=$("${wall}_load" "$run/undo.$1" "$mode" "$work" 2>&1) && continue 2
			note "undo of change $1, $wall, $mode: $problem"
		done
		undo_status=1
	done
	return "$undo_status"
}

# settle finishes, with the lock held, what a token found confirming or undoing began,
# and what an armed one whose switch has died should have come to; without a token,
# what a reboot has left.
settle() {
	token || {
		leftovers
		return
	}
	case $token in
	confirming)
		# Without what the confirm stages before it renames, nobody confirmed this.
		if [ -e "$run/request.$token_lease" ] || [ -e "$run/confirmed.$token_lease" ]; then
			finish_confirm "$token_lease"
		elif mv "$run/token.confirming" "$run/token.undoing"; then
			undo "$token_lease" 3
		fi
		;;
	undoing) undo "$token_lease" 3 ;;
	armed)
		uptime
		if ! switch_alive "$token_lease" && { [ "$up" -ge "$token_deadline" ] || [ -e "$run/ready.$token_lease" ]; }; then
			note "the switch of change $token_lease has died"
			win undoing "$token_lease" && undo "$token_lease" 3
		fi
		;;
	esac
}

switch_alive() { # LEASE
	switch_pid='' switch_begun=''
	{ read -r switch_pid switch_begun <"$run/ready.$1"; } 2>/dev/null
	# A zombie is a dead one that nobody has buried yet.
	number "$switch_pid" && begun "$switch_pid" && [ "$begun" = "$switch_begun" ] && [ "$state" != Z ]
}

# revert has the switch undo now; if nothing happens within 3 s the same undo is
# started detached.
revert() {
	read_lease || lease=0
	token
	if [ "$token_lease" != "$req_lease" ]; then
		answer_holder="$lease_controller run $lease_run"
		if [ -z "$token" ]; then
			answer pending 'the host knows of no change: it was rebooted, or never made one'
		else
			answer taken "the last change here has the number $token_lease"
		fi
		return
	fi
	lease=$req_lease
	rm -f "$run/wait.$lease"
	if ! until_token 3 confirming undoing 'done' || ! until_token 7 'done'; then
		detached undo "$lease" "$(hash "$run/undo.$lease" 2>/dev/null)"
		until_token 20 'done'
	fi
	left
	if [ "$token" = "done" ] && [ -e "$run/confirmed.$lease" ]; then
		answer too-late 'the change was confirmed'
	elif [ "$token" != "done" ]; then
		answer pending "the change is still $token"
	elif ! listing || ! prints; then
		answer pending 'the undo was loaded, and what is ours could not be read again'
	elif before='' && { read -r before _ <"$run/before.$lease"; } && [ "$ours" = "$before" ]; then
		answer_ours=$ours
		answer undone
	else
		answer pending 'the undo was loaded, and what is ours is not as it was before'
	fi
}

# until_token SECONDS STATE... waits until the token has one of the states.
until_token() {
	uptime
	token_end=$((up + $1))
	shift
	while token && [ "$token_lease" = "$lease" ]; do
		case " $* " in *" $token "*) return 0 ;; esac
		uptime
		[ "$up" -lt "$token_end" ] || return 1
		nap
	done
	return 1
}

# recover finishes what is unfinished and says what there is.
recover() {
	read_lease || lease=0
	if ! lock 5; then
		token
		left
		answer pending 'another script holds the lock'
		return
	fi
	token
	earlier=$token
	decided=''
	if [ -z "$token" ] && staged_kept; then decided=confirmed; fi
	problem=$(settle 2>&1) || decided=''
	token
	left
	answer_holder="$lease_controller run $lease_run"
	case $earlier:$token in
	*:armed | *:undoing | *:confirming) answer pending "the change is $token. $problem" ;;
	:* | done:*) answer "${decided:-idle}" ;;
	*)
		if [ -e "$run/confirmed.$token_lease" ]; then answer confirmed; else answer undone; fi
		;;
	esac
	unlock
}
