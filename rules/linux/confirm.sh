# Steps 8 to 10: stage the persistent copy, win the token, put all into place.

confirm() {
	read_lease || lease=0
	# Two confirms of one change stage the same files.
	if ! confirm_lock; then
		token
		left
		answer pending 'another confirm is at work'
		return
	fi
	token
	case "$token $token_lease" in
	"armed $req_lease") ;;
	"confirming $req_lease" | "done $req_lease")
		finish_and_answer
		return
		;;
	"undoing $req_lease")
		answer_left=0
		answer too-late 'the switch is undoing the change'
		return
		;;
	*)
		answer_holder="$lease_controller run $lease_run"
		answer too-late "no change $req_lease is armed here: it was undone, or the host was rebooted"
		return
		;;
	esac
	lease=$req_lease
	uptime
	if [ "$up" -ge "$token_deadline" ]; then
		answer too-late 'the window has gone'
		return
	fi

	# step 8
	req_digest=''
	read -r _ _ req_digest <"$run/before.$lease"
	if [ "$token_run" != "$req_run" ]; then
		answer refused "change $lease is of run $token_run"
		return
	fi
	listing || {
		left
		answer refused "$problem"
		return
	}
	problem=$(stage_kept 2>&1)
	staged=$?
	case $staged in
	0 | 10 | 11) ;;
	*)
		clear_kept
		left
		answer refused "$problem"
		return
		;;
	esac
	# kept copy staged

	# step 9
	win confirming "$lease" || {
		clear_kept
		token
		left
		answer too-late 'the switch was faster'
		return
	}
	# confirm won

	finish_and_answer
}

confirm_lock() {
	true >>"$run/confirm.lock" || return 1
	exec 8>>"$run/confirm.lock"
	uptime
	lock_end=$((up + 20))
	until flock -n 8; do
		uptime
		[ "$up" -lt "$lock_end" ] || return 1
		nap
	done
}

# finish_and_answer takes the lock, does what of step 10 is not done yet, and answers.
finish_and_answer() {
	lease=$req_lease
	until lock 30; do
		token
		[ "$token $token_lease" = "confirming $lease" ] || break
		kill_holder
	done
	# step 10
	token
	if [ "$token $token_lease" = "confirming $lease" ]; then
		problem=$(finish_confirm "$lease" 2>&1) || {
			answer pending "the change is confirmed and has to be finished: $problem"
			unlock
			return
		}
	fi
	if [ -e "$run/confirmed.$lease" ]; then
		{ read -r unsaved <"$run/unsaved"; } 2>/dev/null
		# What was listed for the test is what there is, unless something was deleted.
		if { [ "${staged-}" = 11 ] || listing; } && prints; then answer_ours=$ours; fi
		answer confirmed
	else
		answer too-late 'the change was undone'
	fi
	unlock
}

# stage_kept writes beside their places all files that step 10 renames, tests the
# copy, and last notes that a confirm of this change is on its way. It returns what
# the copy was composed to: 11 where nothing is to be deleted.
stage_kept() {
	full="cannot write to $etc or $var; is the disk full?"
	composed=0
	read -r _ _ _ manager _ <"$run/target.$lease" || return 1
	manager_known "$manager" || return 1
	printf 'run %s\ncontroller %s\ntime %s\ndigest %s\n' "$req_run" "$req_controller" "$req_time" "$req_digest" \
		2>/dev/null >"$var/record.new" || {
		echo "$full"
		return 1
	}
	init_system
	if [ -n "$init" ] && ! "${manager}_empty" "$run/target.$lease"; then
		folders "$etc" || return 1
		if ! cp "$run/target.$lease" "$etc/$manager.copy.new" 2>/dev/null ||
			! cp "$0" "$etc/load.new" 2>/dev/null || ! stage_units 2>/dev/null; then
			echo "$full"
			return 1
		fi
		flush "$var/record.new" "$etc"/*.new
		problem=$("${manager}_test" "$etc/$manager.copy.new" full "$run/work.$$" 2>&1)
		composed=$?
		case $composed in
		0 | 10 | 11) ;;
		*)
			echo "the persistent copy would not load: $problem"
			return 1
			;;
		esac
	else
		flush "$var/record.new"
	fi
	# Nobody looks at it before the token is won.
	{ echo "$manager" >"$run/request.$lease"; } 2>/dev/null || {
		echo 'cannot write to /run/farmwall; is it full?'
		return 1
	}
	return "$composed"
}

# clear_kept removes what a confirm staged and did not put into place.
clear_kept() { remove "$run/request.$lease" "$var"/*.new "$etc"/*.new; }

# finish_confirm puts everything into place; each step can be repeated.
finish_confirm() { # LEASE
	[ -e "$run/confirmed.$1" ] || {
		read -r manager <"$run/request.$1" && manager_known "$manager" || return 1
		init_system
		remove "$run/unsaved"
		if "${manager}_empty" "$run/target.$1"; then
			remove_kept "$manager"
		elif [ -z "$init" ]; then
			no_boot='not persistent on this host: neither systemd nor OpenRC nor sysvinit starts services here'
			put "$run/unsaved" "$no_boot"
		else
			place_kept "$manager" || put "$run/unsaved" "the rules are in place, and what loads them at boot could not be set up: $problem"
		fi
		# unit placed
		# Now what the target does not need can go; the undo will not want it back.
		[ "${staged-}" = 11 ] || "${manager}_load" "$run/target.$1" full "$run/reserve.$1" || note 'what is not needed any more could not be deleted'
		[ ! -e "$var/record.new" ] || { mv -f "$var/record.new" "$var/record" && flush "$var"; } || return 1
		# record written
		{ true >"$run/confirmed.$1"; } 2>/dev/null || mv -f "$run/outcome.$1" "$run/confirmed.$1" || return 1
	}
	# confirmed
	remove "$run/outcome.$1" "$run/undo.$1" "$run/target.$1" "$run/reserve.$1" "$run/request.$1" "$run/wait.$1" "$run/switch.$1"
	mv -f "$run/token.confirming" "$run/token.done"
}

# place_kept renames the staged files and makes sure that they are loaded at boot.
place_kept() { # MANAGER
	problem=''
	[ ! -e "$etc/load.new" ] || mv -f "$etc/load.new" "$etc/load" || return 1
	[ ! -e "$etc/$1.copy.new" ] || mv -f "$etc/$1.copy.new" "$etc/$1.copy" || return 1
	problem=$(place_units 2>&1) && return
	flush "$etc"
	return 1
}

# remove_kept leaves nothing of ours that is loaded at boot.
remove_kept() { # MANAGER
	remove_units
	rm -f "$etc/$1.copy" "$etc/load" "$etc"/*.new
	rmdir "$etc" 2>/dev/null
	flush "${etc%/*}"
}

# at_boot loads the persistent copies; it is also called after a manager's service was
# started or reloaded.
at_boot() {
	folders "$run" || exit 1
	lock 60 || {
		note 'the lock is not free'
		exit 1
	}
	settle
	status=0
	for kept_copy in "$etc"/*.copy; do
		[ -f "$kept_copy" ] || continue
		read -r _ _ _ manager _ <"$kept_copy"
		manager_known "$manager" || continue
		"${manager}_load" "$kept_copy" full "$run/work.$$" || status=1
		rm -f "$run/work.$$"
	done
	unlock
	exit "$status"
}
