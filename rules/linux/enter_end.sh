END-OF-THE-PROGRAM
written=$?
[ "$written" = 0 ] || {
	rm -f "$program"
	refused 'cannot write to /run/farmwall; is it full?'
}
# In the background it leads no process group, so setsid need not fork and can be
# waited for.
setsid /bin/sh "$program" serve <&3 3<&- &
wait $!
[ ! -e "$program" ] || rm -f "$program"
