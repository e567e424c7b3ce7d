"""An acceptor on gss-ntlmssp that judges farmwall's NTLM client; NTLM_USER_FILE names its accounts.

Lines on standard input: "token B64", "message SIGNATURE-B64 DATA-B64", "seal B64".
Lines on standard output: "token DONE B64 NAME", "plain B64", "message SIGNATURE-B64 DATA-B64", "error TEXT".
"""
import base64
import sys

import gssapi

NTLM = gssapi.OID.from_int_seq("1.3.6.1.4.1.311.2.2.10")
SIGNATURE = 16


def b64(data):
    return base64.b64encode(data or b"").decode() or "-"


def unb64(text):
    return b"" if text == "-" else base64.b64decode(text)


def main():
    binding = sys.argv[1] if len(sys.argv) > 1 else ""
    bindings = gssapi.raw.ChannelBindings(application_data=bytes.fromhex(binding)) if binding else None
    context = gssapi.SecurityContext(creds=gssapi.Credentials(usage="accept", mechs=[NTLM]), usage="accept", channel_bindings=bindings)
    for line in sys.stdin:
        kind, *words = line.split()
        try:
            if kind == "token":
                out = context.step(unb64(words[0]))
                print("token", int(context.complete), b64(out), context.initiator_name if context.complete else "-")
            elif kind == "message":
                plain = context.unwrap(b"".join(unb64(w) for w in words))
                if not plain.encrypted:
                    raise ValueError("the message is not sealed")
                print("plain", b64(plain.message))
            elif kind == "seal":
                token = context.wrap(unb64(words[0]), True).message
                print("message", b64(token[:SIGNATURE]), b64(token[SIGNATURE:]))
        except Exception as e:
            print("error", type(e).__name__, str(e).replace("\n", " "))
        sys.stdout.flush()


main()
