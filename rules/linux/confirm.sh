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
	0 | 11) ;;
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
# copy, has the walls make permanent what they keep themselves, and last notes that a
# confirm of this change is on its way. It returns 11 where nothing is to be deleted.
stage_kept() {
	full="cannot write to $etc or $var; is the disk full?"
	idle='' tested=''
	printf 'run %s\ncontroller %s\ntime %s\ndigest %s\n' "$req_run" "$req_controller" "$req_time" "$req_digest" \
		2>/dev/null >"$var/record.new" || {
		echo "$full"
		return 1
	}
	init_system
	target=$run/target.$lease
	if walls_empty "$target"; then
		cp "$target" "$var/drop.new" 2>/dev/null || {
			echo "$full"
			return 1
		}
		flush "$var/record.new" "$var/drop.new"
	elif [ -n "$init" ]; then
		folders "$etc" || return 1
		if ! cp "$target" "$etc/copy.new" 2>/dev/null || ! cp "$0" "$etc/load.new" 2>/dev/null ||
			! walls_of "$target" || ! units_of "$walls" || ! stage_units 2>/dev/null; then
			echo "$full"
			return 1
		fi
		flush "$var/record.new" "$etc"/*.new
		target=$etc/copy.new
		walls_try "$target" full || {
			echo "the persistent copy would not load: $problem"
			return 1
		}
	else
		flush "$var/record.new"
	fi
	if ! walls_of "$target" || ! hook keep "$target" "$run/work.keep.$$"; then return 1; fi
	# Nobody looks at it before the token is won.
	{ true >"$run/request.$lease"; } 2>/dev/null || {
		echo 'cannot write to /run/farmwall; is it full?'
		return 1
	}
	[ -z "$idle" ] || return 11
}

# clear_kept removes what a confirm staged and did not put into place.
clear_kept() {
	unkeep
	remove "$run/request.$lease" "$var"/*.new "$etc"/*.new
}

# finish_confirm puts everything into place; each step can be repeated.
finish_confirm() { # LEASE
	[ -e "$run/confirmed.$1" ] || {
		# From here on the host counts as confirmed, even if it is rebooted.
		[ ! -e "$var/record.new" ] || { mv -f "$var/record.new" "$var/record" && flush "$var"; } || return 1
		# record written
		init_system
		remove "$run/unsaved"
		finish_kept "$run/target.$1" "$run/unsaved"
		# unit placed
		# Now what the target does not need can go; the undo will not want it back.
		[ "${staged-}" = 11 ] || walls_load "$run/target.$1" full "$run/reserve.$1" || note 'what is not needed any more could not be deleted'
		{ true >"$run/confirmed.$1"; } 2>/dev/null || mv -f "$run/outcome.$1" "$run/confirmed.$1" || return 1
	}
	# confirmed
	remove "$run/outcome.$1" "$run/undo.$1" "$run/target.$1" "$run/reserve.$1" "$run/request.$1" "$run/wait.$1" "$run/switch.$1"
	mv -f "$run/token.confirming" "$run/token.done"
}

# finish_kept COPY FILE makes permanent what was confirmed, or takes away what was;
# where it cannot it says so in the file.
finish_kept() {
	if [ -e "$var/drop.new" ]; then
		remove_kept
	elif [ -z "$init" ]; then
		no_boot='not persistent on this host: neither systemd nor OpenRC nor sysvinit starts services here'
		put "$2" "$no_boot"
	elif ! place_kept; then
		remove "$etc"/*.new
		put "$2" "the rules are in place, and what loads them at boot could not be set up: $problem"
	fi
	if ! walls_of "$1" || ! hook kept "$1"; then note 'what the walls keep themselves is not finished'; fi
	remove "$var/drop.new"
}

# place_kept renames the staged files and makes sure that they are loaded at boot.
place_kept() {
	problem=''
	[ ! -e "$etc/load.new" ] || mv -f "$etc/load.new" "$etc/load" || return 1
	[ ! -e "$etc/copy.new" ] || mv -f "$etc/copy.new" "$etc/copy" || return 1
	# copy placed
	problem=$(walls_of "$etc/copy" 2>&1 && units_of "$walls" && place_units 2>&1) && return
	flush "$etc"
	return 1
}

# remove_kept leaves nothing of ours that is loaded at boot.
remove_kept() {
	remove_units
	rm -f "$etc/copy" "$etc/load" "$etc"/*.new
	rmdir "$etc" 2>/dev/null
	flush "${etc%/*}"
}

# staged_kept says whether a confirm that was decided has to be finished: the record is
# renamed first of all.
staged_kept() {
	[ ! -e "$var/record.new" ] || return 1
	[ ! -e "$var/drop.new" ] || return 0
	for staged_file in "$etc"/*.new; do
		[ ! -e "$staged_file" ] || return 0
	done
	return 1
}

# leftovers finishes, with the lock held and no token, what a reboot has left of a
# confirm: what was decided is put into place and loaded, all else is cleared away.
leftovers() {
	# What somebody else could have put there is not looked at.
	if [ -e "$etc" ] || [ -L "$etc" ]; then folders "$etc" || return 1; fi
	if staged_kept; then
		init_system
		decided_copy=$etc/copy
		[ ! -e "$var/drop.new" ] || decided_copy=$var/drop.new
		finish_kept "$decided_copy" "$run/unsaved"
		[ ! -e "$etc/copy" ] || walls_load "$etc/copy" full
	else
		unkeep
		remove "$var"/*.new "$etc"/*.new
		rmdir "$etc" 2>/dev/null
		return 0
	fi
}

# at_boot loads the persistent copy; it is also called after a manager's service was
# started or reloaded.
at_boot() {
	folders "$run" || exit 1
	lock 60 || {
		note 'the lock is not free'
		exit 1
	}
	settle
	boot_status=0
	[ ! -f "$etc/copy" ] || walls_load "$etc/copy" full || boot_status=1
	remove "$run"/work.*.$$
	unlock
	exit "$boot_status"
}
