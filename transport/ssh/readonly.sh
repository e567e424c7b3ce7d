#!/bin/sh
# farmwall-readonly: lets an SSH key read this host for farmwall, and do nothing else.
#
# 1. Put this file into /usr/local/sbin/farmwall-readonly: root's, mode 0755.
# 2. Put this line into root's authorized_keys; sshd needs no more than
#    "PermitRootLogin forced-commands-only":
# LINE
# 3. Do so again when farmwall on the controller is another version: a script that
#    reads otherwise is refused until then.
#
# sshd runs this file whatever the key's owner asks for, and says what that was in
# SSH_ORIGINAL_COMMAND. It is run only if it is, byte for byte, the command by which
# farmwall VERSION reads a host, directly or through sudo. That command holds its whole
# script; what comes over standard input is data to it.
refuse() {
	echo "farmwall-readonly: refused: this key may only read (farmwall VERSION)" >&2
	exit 126
}
[ -n "${SSH_ORIGINAL_COMMAND-}" ] || refuse
sum=$(printf %s "$SSH_ORIGINAL_COMMAND" | LC_ALL=C sha256sum) || refuse
case ${sum%% *} in
SUMS) ;;
*) refuse ;;
esac
unset sum
exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"
