END-OF-THE-PROGRAM
[ "$(tail -n 1 "$program")" = 'main "$@"' ] || {
	rm -f "$input" "$program"
	refused 'cannot write to /run/farmwall; is it full?'
}
# In the background it leads no process group, so setsid need not fork and can be
# waited for.
setsid /bin/sh "$program" serve "$input" </dev/null &
wait $!
rm -f "$input" "$program"
