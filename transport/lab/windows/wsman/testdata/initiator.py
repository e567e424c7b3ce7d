"""A WinRM client on MIT's GSS-API that judges the lab's Kerberos acceptor.

Arguments: URL, service principal, scheme ("Negotiate" or "Kerberos"), channel binding in hex or "-".
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
from gssapi.raw import IOV, IOVBuffer, IOVBufferType, ChannelBindings, wrap_iov, unwrap_iov

KRB5 = gssapi.OID.from_int_seq("1.2.840.113554.1.2.2")
SPNEGO = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")
PROTOCOLS = {"Negotiate": "application/HTTP-SPNEGO-session-encrypted", "Kerberos": "application/HTTP-Kerberos-session-encrypted"}


def seal(context, scheme, plain):
    iov = IOV(IOVBufferType.header, plain, IOVBufferType.padding, std_layout=False)
    wrap_iov(context, iov, True)
    header, data, padding = (iov[i].value or b"" for i in range(3))
    protocol = PROTOCOLS[scheme].encode()
    body = b"--Encrypted Boundary\r\n\tContent-Type: " + protocol
    body += b"\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n" % (len(plain) + len(padding))
    body += b"--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n"
    body += struct.pack("<I", len(header)) + header + data + padding + b"--Encrypted Boundary--\r\n"
    return body, 'multipart/encrypted;protocol="%s";boundary="Encrypted Boundary"' % PROTOCOLS[scheme]


def unseal(context, body):
    head = re.match(rb"--Encrypted Boundary\r\n\tContent-Type: [^\r]*\r\n\tOriginalContent: [^\r]*Length=(\d+)\r\n--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n", body)
    if not head or not body.endswith(b"--Encrypted Boundary--\r\n"):
        raise ValueError("not a sealed body: %r" % body[:200])
    text = body[head.end():-len(b"--Encrypted Boundary--\r\n")]
    cut = struct.unpack("<I", text[:4])[0]
    header, data = text[4:4 + cut], text[4 + cut:]
    iov = IOV(IOVBuffer(IOVBufferType.header, False, header), data, IOVBufferType.data, std_layout=False)
    if not unwrap_iov(context, iov).encrypted:
        raise ValueError("the answer is not sealed")
    if len(iov[1].value) != int(head.group(1)):
        raise ValueError("length")
    return iov[1].value, cut


def main():
    url, principal, scheme, binding = sys.argv[1:]
    url = urllib.parse.urlsplit(url)
    if url.scheme == "https":
        connection = http.client.HTTPSConnection(url.netloc, context=ssl._create_unverified_context())
    else:
        connection = http.client.HTTPConnection(url.netloc)
    bindings = None if binding == "-" else ChannelBindings(application_data=bytes.fromhex(binding))
    name = gssapi.Name(principal, gssapi.NameType.kerberos_principal)
    flags = [gssapi.RequirementFlag.mutual_authentication, gssapi.RequirementFlag.confidentiality, gssapi.RequirementFlag.integrity,
             gssapi.RequirementFlag.replay_detection, gssapi.RequirementFlag.out_of_sequence_detection]
    context = gssapi.SecurityContext(name=name, mech=SPNEGO if scheme == "Negotiate" else KRB5, flags=flags, usage="initiate", channel_bindings=bindings)
    token = context.step()
    while True:
        connection.request("POST", url.path, headers={"Authorization": scheme + " " + base64.b64encode(token).decode(), "Content-Length": "0"})
        answer = connection.getresponse()
        answer.read()
        words = [w.split(None, 1) for w in answer.headers.get_all("WWW-Authenticate", [])]
        tokens = [w[1] for w in words if len(w) == 2 and w[0] == scheme]
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
            break
    if gssapi.RequirementFlag.mutual_authentication not in context.actual_flags:
        raise ValueError("the host proved nothing")
    print("ready", flush=True)
    for line in sys.stdin:
        mode, text = line.split()
        plain = base64.b64decode(text)
        if mode == "seal":
            body, kind = seal(context, scheme, plain)
        else:
            body, kind = plain, "application/soap+xml;charset=UTF-8"
        connection.request("POST", url.path, body=body, headers={"Content-Type": kind})
        answer = connection.getresponse()
        body, cut, kind = answer.read(), 0, answer.headers.get("Content-Type", "-")
        if kind.startswith("multipart/encrypted"):
            body, cut = unseal(context, body)
        print(answer.status, cut, kind.replace(" ", "_"), base64.b64encode(body).decode() or "-", flush=True)


main()
