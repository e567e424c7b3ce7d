"""An acceptor on MIT's GSS-API that judges farmwall's Kerberos client.

Lines on standard input: "token B64", "message HEADER-B64 DATA-B64", "seal B64", "sign B64".
Lines on standard output: "token DONE B64 NAME FLAGS", "plain B64", "message HEADER-B64 DATA-B64", "mic B64", "error TEXT".
Arguments: what a channel binding must be made of, in hex, or nothing; "whole" takes and makes sealed messages as one wrap token that is cut anywhere.
"""
import base64
import sys

import gssapi
from gssapi.raw import IOVBuffer, IOV, IOVBufferType, wrap_iov, unwrap_iov
from gssapi.raw import ChannelBindings


def b64(data):
    return base64.b64encode(data or b"").decode() or "-"


def unb64(text):
    return b"" if text == "-" else base64.b64decode(text)


def main():
    binding = sys.argv[1] if len(sys.argv) > 1 else ""
    whole = "whole" in sys.argv[2:]
    bindings = ChannelBindings(application_data=bytes.fromhex(binding)) if binding else None
    context = gssapi.SecurityContext(creds=gssapi.Credentials(usage="accept"), usage="accept", channel_bindings=bindings)
    for line in sys.stdin:
        kind, *words = line.split()
        try:
            if kind == "token":
                out = context.step(unb64(words[0]))
                print("token", int(context.complete), b64(out), context.initiator_name if context.complete else "-", int(context.actual_flags))
            elif kind == "message":
                header, data = (unb64(w) for w in words)
                if whole:
                    plain, sealed, _ = gssapi.raw.unwrap(context, header + data)
                else:
                    iov = IOV(IOVBuffer(IOVBufferType.header, False, header), data, std_layout=False)
                    sealed = unwrap_iov(context, iov).encrypted
                    plain = iov[1].value
                if not sealed:
                    raise ValueError("the message is not sealed")
                print("plain", b64(plain))
            elif kind == "seal":
                if whole:
                    token = gssapi.raw.wrap(context, unb64(words[0]), True).message
                    print("message", b64(token[:11]), b64(token[11:]))
                else:
                    iov = IOV(IOVBufferType.header, unb64(words[0]), IOVBufferType.padding, std_layout=False)
                    wrap_iov(context, iov, True)
                    print("message", b64(iov[0].value), b64(iov[1].value + (iov[2].value or b"")))
            elif kind == "sign":
                print("mic", b64(context.get_signature(unb64(words[0]))))
        except Exception as e:
            print("error", type(e).__name__, str(e).replace("\n", " "))
        sys.stdout.flush()


main()
