# folders DIR... makes sure of folders that only root can look into. Ordinary users of
# the host are attackers: a link, a file or somebody else's folder is refused.
folders() {
	for dir; do
		shift
		if [ ! -e "$dir" ] && [ ! -L "$dir" ] && mkdir -m 700 "$dir"; then
			continue # it is what it should be
		fi
		set -- "$@" "$dir"
		if [ -L "$dir" ] || [ ! -d "$dir" ]; then
			echo "$dir is no folder: somebody may have put it there; look at it and remove it" >&2
			return 1
		fi
	done
	[ $# -gt 0 ] || return 0
	# shellcheck disable=SC2046 # nine words a folder, the name last
	set -- $(ls -ldn "$@")
	[ $# -ge 9 ] || return 1
	while [ $# -ge 9 ]; do
		if [ "$3" != 0 ]; then
			echo "$9 belongs to user $3, not to root; look at it and remove it" >&2
			return 1
		fi
		case $1 in
		drwx------*) ;;
		*) chmod 700 "$9" || return 1 ;;
		esac
		shift 9
	done
}
