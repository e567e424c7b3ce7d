# serve reads a request from standard input: lines KEY VALUE, an empty line, then the
# copies. Whatever is not as it should be is refused before anything is done.
serve() {
	request=$run/input.$$
	lease=0
	req_do='' req_run='' req_controller='' req_lease='' req_ours='' req_rest='' req_window='' req_digest='' req_time=''
	req_target='' req_target_hash='' req_undo='' req_undo_hash=''
	whole=''
	while IFS=' ' read -r key value; do
		case $key in
		'')
			whole=1
			break
			;;
		do) req_do=$value ;;
		run) req_run=$value ;;
		controller) req_controller=$value ;;
		lease) req_lease=$value ;;
		ours) req_ours=$value ;;
		rest) req_rest=$value ;;
		window) req_window=$value ;;
		digest) req_digest=$value ;;
		time) req_time=$value ;;
		target) req_target=$value ;;
		target-hash) req_target_hash=$value ;;
		undo) req_undo=$value ;;
		undo-hash) req_undo_hash=$value ;;
		*) wrong "the line $key" ;;
		esac
	done
	[ -n "$whole" ] || wrong 'an end too early'
	case $req_do in
	change | confirm | revert)
		word run "$req_run"
		case $req_run in *[!a-zA-Z0-9-]*) wrong "the run $req_run" ;; esac
		count lease "$req_lease"
		;;
	recover) ;;
	*) wrong "no such request" ;;
	esac
	case $req_do in
	change | confirm)
		word controller "$req_controller"
		case $req_controller in *[!!-~]*) wrong "the controller $req_controller" ;; esac
		;;
	esac
	case $req_do in
	change)
		for value in "$req_ours" "$req_rest" "$req_digest" "$req_target_hash" "$req_undo_hash"; do
			word hash "$value"
			case $value in *[!0-9a-f]*) wrong "the hash $value" ;; esac
		done
		for value in "$req_window" "$req_target" "$req_undo"; do count number "$value"; done
		# Nothing is waited for under the lock but the host itself.
		cat >"$request" 2>/dev/null || {
			answer refused 'cannot write to /run/farmwall; is it full?'
			return
		}
		;;
	confirm) count time "$req_time" ;;
	esac
	action=$req_do
	case $req_do in
	change) change ;;
	confirm) confirm ;;
	revert) revert ;;
	recover) recover ;;
	esac
}

wrong() {
	answer refused "the request holds $1"
	exit 0
}

word() {
	if [ -z "$2" ] || [ "${#2}" -gt 200 ]; then wrong "no $1"; fi
}

count() { number "$2" || wrong "no $1"; }

# main is the only thing that is done; a program that was cut off does nothing.
main() {
	case ${1-} in
	serve)
		serve
		remove "$0" "$run/input.$$" "$run"/work.*.$$ "$run/ours.$$" "$run/rest.$$" "$run/list.$$"
		;;
	switch)
		action="switch $2"
		switch_on "$2" "$3"
		;;
	undo)
		action="undo $2"
		undo_request "$2" "$3"
		;;
	'') at_boot ;;
	*)
		echo "usage: $0" >&2
		exit 2
		;;
	esac
	exit 0
}

main "$@"
