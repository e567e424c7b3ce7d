"""A WinRM client on gss-ntlmssp that judges the lab's NTLM acceptor.

Arguments: URL, user, password, mechanism ("ntlm" or "spnego"), channel binding in hex or "-".
It logs on and prints "ready" or "refused STATUS WHY". Then each line "seal B64" of standard input is posted sealed,
"open B64" in clear, and is answered with a line "STATUS SEALED CONTENT-TYPE B64".
"""
import base64
import http.client
import re
import ssl
import struct
import sys
import urllib.parse

import gssapi
from gssapi.raw import ChannelBindings, acquire_cred_with_password

MECHANISMS = {"ntlm": gssapi.OID.from_int_seq("1.3.6.1.4.1.311.2.2.10"), "spnego": gssapi.OID.from_int_seq("1.3.6.1.5.5.2")}
PROTOCOL = "application/HTTP-SPNEGO-session-encrypted"
SIGNATURE = 16
HEAD = re.compile(
    rb"--Encrypted Boundary\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n"
    rb"\tOriginalContent: type=application/soap\+xml;charset=UTF-8;Length=(\d+)\r\n"
    rb"--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n")
TAIL = b"--Encrypted Boundary--\r\n"


def seal(context, plain):
    token = context.wrap(plain, True).message
    body = b"--Encrypted Boundary\r\n\tContent-Type: " + PROTOCOL.encode()
    body += b"\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n" % len(plain)
    body += b"--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n"
    return body + struct.pack("<I", SIGNATURE) + token + TAIL


def unseal(context, body):
    head = HEAD.match(body)
    if not head or not body.endswith(TAIL):
        raise ValueError("not a sealed body: %r" % body[:200])
    text = body[head.end():-len(TAIL)]
    size = struct.unpack("<I", text[:4])[0]
    if size != SIGNATURE:
        raise ValueError("a signature of %d bytes" % size)
    plain = context.unwrap(text[4:])
    if not plain.encrypted or len(plain.message) != int(head.group(1)):
        raise ValueError("not sealed, or another length")
    return plain.message


def main():
    url, user, password, mechanism, binding = sys.argv[1:]
    url = urllib.parse.urlsplit(url)
    if url.scheme == "https":
        connection = http.client.HTTPSConnection(url.netloc, context=ssl._create_unverified_context())
    else:
        connection = http.client.HTTPConnection(url.netloc)
    mech = MECHANISMS[mechanism]
    credential = acquire_cred_with_password(gssapi.Name(user, gssapi.NameType.user), password.encode(), mechs=[mech], usage="initiate").creds
    bindings = None if binding == "-" else ChannelBindings(application_data=bytes.fromhex(binding))
    flags = [gssapi.RequirementFlag.confidentiality, gssapi.RequirementFlag.integrity,
             gssapi.RequirementFlag.replay_detection, gssapi.RequirementFlag.out_of_sequence_detection]
    name = gssapi.Name("HTTP@" + url.hostname, gssapi.NameType.hostbased_service)
    context = gssapi.SecurityContext(name=name, creds=gssapi.Credentials(base=credential), mech=mech, flags=flags, usage="initiate", channel_bindings=bindings)
    token = context.step()
    while True:
        connection.request("POST", url.path, headers={"Authorization": "Negotiate " + base64.b64encode(token).decode(), "Content-Length": "0"})
        answer = connection.getresponse()
        answer.read()
        words = [w.split(None, 1) for w in answer.headers.get_all("WWW-Authenticate", [])]
        tokens = [w[1] for w in words if len(w) == 2 and w[0] == "Negotiate"]
        if answer.status != 200 and not tokens:
            print("refused", answer.status)
            return
        try:
            token = context.step(base64.b64decode(tokens[0])) if tokens else None
            done = context.complete and not token
        except gssapi.exceptions.GSSError as e:
            print("refused", answer.status, str(e).replace("\n", " "))
            return
        if done:
            if answer.status != 200:
                raise ValueError("the handshake ends with %d" % answer.status)
            break
    print("ready", flush=True)
    for line in sys.stdin:
        mode, text = line.split()
        plain = base64.b64decode(text)
        if mode == "seal":
            body, kind = seal(context, plain), 'multipart/encrypted;protocol="%s";boundary="Encrypted Boundary"' % PROTOCOL
        else:
            body, kind = plain, "application/soap+xml;charset=UTF-8"
        connection.request("POST", url.path, body=body, headers={"Content-Type": kind})
        answer = connection.getresponse()
        body, size, kind = answer.read(), 0, answer.headers.get("Content-Type", "-")
        if kind.startswith("multipart/encrypted"):
            body, size = unseal(context, body), SIGNATURE
        print(answer.status, size, kind.replace(" ", "_"), base64.b64encode(body).decode() or "-", flush=True)


main()
