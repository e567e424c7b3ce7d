# The walls of a host: the managers that a copy holds a section for, each written by
# functions of its own, NAME_test and so on.

# walls_of COPY sets walls to the managers of a copy, and back_walls to the same from
# the last to the first. Its first line is "farmwall walls NAME...".
walls_of() {
	walls='' back_walls=''
	read -r word kind walls <"$1" || return 1
	if [ "$word $kind" != 'farmwall walls' ]; then
		echo "$1 does not say whose rules it holds" >&2
		return 1
	fi
	for wall in $walls; do
		case " $managers " in
		*" $wall "*) back_walls="$wall $back_walls" ;;
		*)
			echo "no manager is called $wall" >&2
			return 1
			;;
		esac
	done
}

# work_of WALL sets work to the file in which that wall composes what it loads.
work_of() { work=$run/work.$1.$$; }

# walls_try COPY MODE tests the copy with every wall without changing anything. It sets
# tested to what each found, idle where none has anything to do, and problem to what
# they said.
walls_try() {
	problem=$(
		walls_test "$1" "$2" 2>&1
		echo "status $? ${idle:-0}$tested"
	)
	tested=${problem##*status }
	problem=${problem%status *}
	idle=${tested#* }
	[ "${idle%% *}" = 1 ] || idle=''
	[ "${tested%% *}" = 0 ]
}

walls_test() {
	tested='' idle=1
	walls_of "$1" || return 1
	for wall in $walls; do
		work_of "$wall"
		"${wall}_test" "$1" "$2" "$work"
		status=$?
		case $status in
		0 | 10) idle='' ;;
		11) ;;
		*) return 1 ;;
		esac
		tested="$tested $wall:$status"
	done
}

# walls_load_tested COPY MODE loads what walls_test composed.
walls_load_tested() {
	walls_of "$1" || return 1
	for wall in $walls; do
		work_of "$wall"
		status=${tested#*" $wall:"}
		"${wall}_load_tested" "$1" "$2" "$work" "${status%% *}" || return 1
	done
}

# walls_load COPY MODE [WORK] has every wall look everything up right now; one that fails
# does not keep the others from it.
walls_load() {
	walls_of "$1" || return 1
	load_status=0
	for wall in $walls; do
		work_of "$wall"
		"${wall}_load" "$1" "$2" "${3:-$work}" || load_status=1
	done
	return "$load_status"
}

# walls_empty COPY says that the copy holds nothing of ours.
walls_empty() {
	walls_of "$1" || return 1
	for wall in $walls; do
		"${wall}_empty" "$1" || return 1
	done
}

# hook NAME [ARGUMENT...] calls the function NAME of every wall that has one, in walls or,
# where that is empty, of every manager there is.
hook() {
	hooked=$1
	shift
	for wall in ${walls:-$managers}; do
		! command -v "${wall}_$hooked" >/dev/null || "${wall}_$hooked" "$@" || return 1
	done
}

# unkeep takes back what the walls made permanent for a change that was not confirmed.
unkeep() {
	walls=''
	hook unkeep || note 'what was made permanent could not all be taken back'
}

# units_of WALLS sets units to those whose start or reload may wipe our rules.
units_of() {
	units=''
	for wall in $1; do
		eval "for unit_name in \${${wall}_units-}; do
			case \" \$units \" in *\" \$unit_name \"*) ;; *) units=\"\$units \$unit_name\" ;; esac
		done"
	done
}
