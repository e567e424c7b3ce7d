# folder DIR makes sure of a folder that only root can look into. Ordinary users of
# the host are attackers: a link, a file or somebody else's folder is refused.
folder() {
	if [ ! -e "$1" ] && [ ! -L "$1" ]; then
		mkdir -m 700 "$1" || return 1
	fi
	if [ -L "$1" ] || [ ! -d "$1" ]; then
		echo "$1 is no folder: somebody may have put it there; look at it and remove it" >&2
		return 1
	fi
	# shellcheck disable=SC2046 # the words of the line are wanted
	set -- "$1" $(ls -ldn "$1")
	if [ "${4-}" != 0 ]; then
		echo "$1 belongs to user ${4-}, not to root; look at it and remove it" >&2
		return 1
	fi
	case ${2-} in
	drwx------*) ;;
	*) chmod 700 "$1" || return 1 ;;
	esac
}
