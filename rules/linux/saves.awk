# Reads the saves of iptables, each after a line "save FAMILY BACKEND", and appends
# their lines to the two byte streams that the fingerprints are taken over, into the
# files ours and rest: what is of our chains or leads to them, and all else. Counters
# and comments are no part of it. saved.go makes the same bytes.
/^save ip6? [a-z]+$/ { save = $0; table = ""; next }
/^#/ || $0 == "COMMIT" || $0 == "" { next }
/^\*/ { table = $0 }
/^:/ { sub(/ \[[^[]*$/, "") }
{
	if ($0 ~ /^(:|-A )FARMWALL-/ || $0 ~ /-[jg] FARMWALL-/) print save " " table " " $0 >> ours
	else print save " " table " " $0 >> rest
}
END { if (close(ours) > 0 || close(rest) > 0) exit 1 }
