LC_ALL=C
export LC_ALL
echo farmwall-ready
farmwall_frame=
while IFS= read -r farmwall_frame; do
	case $farmwall_frame in farmwall-frame-*) break ;; esac
	farmwall_frame=
done
[ -n "$farmwall_frame" ] || exit 125
echo "$farmwall_frame begin"
(
