"""The TLS front door: versions, ciphers, certificates by name, mTLS, resumption, OCSP, and what is refused."""

import os
import socket
import ssl
import struct
import subprocess

import pytest

from harness import Ended, RawClient, certificates, wait_until


def context(minimum=None, maximum=None, ciphers=None, ca=True, name_check=True):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = name_check
    if ca:
        made.load_verify_locations(certificates().authority[0])
    else:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if minimum:
        made.minimum_version = minimum
    if maximum:
        made.maximum_version = maximum
    if ciphers:
        made.set_ciphers(ciphers)
    return made


def s_client(porthole, *arguments, text=""):
    return subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{porthole.https[1]}", *arguments], input=text, capture_output=True, text=True,
        timeout=20)


def connects(porthole, *arguments):
    result = s_client(porthole, *arguments)
    return "Cipher is (NONE)" not in result.stdout and "New, " in result.stdout


@pytest.mark.parametrize("version,name", [(ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")])
def test_versions(porthole, origin, version, name):
    with porthole.client(sni=origin.host, context=context(version, version)) as client:
        assert client.socket.version() == name
        assert client.socket.selected_alpn_protocol() == "http/1.1"
        assert client.get(host=origin.host).status == 200


@pytest.mark.parametrize("version", ["-ssl3", "-tls1", "-tls1_1"])
def test_old_versions_are_refused(porthole, version):
    assert not connects(porthole, version, "-cipher", "ALL:@SECLEVEL=0")


@pytest.mark.parametrize("cipher", ["RC4", "3DES", "DES", "NULL", "EXPORT", "aNULL", "MD5", "AES128-SHA", "AES256-SHA", "CAMELLIA", "SEED",
                                    "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384", "kRSA", "PSK", "SRP"])
def test_weak_ciphers_are_refused(porthole, cipher):
    assert not connects(porthole, "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0")


@pytest.mark.parametrize("cipher", ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"])
def test_intermediate_ciphers_are_taken(porthole, cipher):
    assert connects(porthole, "-tls1_2", "-cipher", cipher)


def test_tls13_ciphers_are_taken(porthole):
    for cipher in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"):
        assert connects(porthole, "-tls1_3", "-ciphersuites", cipher)


def test_no_renegotiation_and_no_compression(porthole):
    output = s_client(porthole, "-tls1_2", text="R\nGET / HTTP/1.1\r\n").stdout
    assert "Compression: NONE" in output
    assert "Secure Renegotiation IS supported" in output
    result = s_client(porthole, "-tls1_2", text="R\n")
    assert "RENEGOTIATING" in result.stdout + result.stderr
    assert "no renegotiation" in result.stderr or "handshake failure" in result.stderr or "error" in result.stderr.lower()


@pytest.mark.parametrize("alpn,expected", [(["h2", "http/1.1"], "h2"), (["http/1.1", "h2"], "h2"), (["http/1.1"], "http/1.1"),
                                           (["h2"], "h2"), ([], None), (["spdy/3", "http/1.1"], "http/1.1")])
def test_alpn(porthole, alpn, expected):
    with porthole.client(alpn=alpn) as client:
        assert client.socket.selected_alpn_protocol() == expected


def test_alpn_without_a_common_protocol_is_an_alert(porthole):
    with pytest.raises(ssl.SSLError) as caught:
        porthole.client(alpn=["spdy/3"])
    assert "no application protocol" in str(caught.value).lower().replace("_", " ")


def test_no_alpn_is_http11(porthole, origin):
    with porthole.client(alpn=()) as client:
        assert client.get(host=origin.host).status == 200


# Names


def test_sni_and_host_must_agree(porthole, origin):
    with porthole.client(sni=origin.host) as client:
        assert client.get(host=origin.host).status == 200
        for host in ("3001-bench.preview.localhost", "3000-shut.preview.localhost"):
            response = client.get(host=host)
            assert (response.status, response.get("Porthole-Error")) == (421, b"route/misdirected")
        assert client.get(host=origin.host.upper()).status == 200
        assert client.get(host=origin.host + ".").status == 200
    assert len(origin.requests) == 3


def test_without_sni_any_host_of_ours_is_fine(porthole, origin):
    with porthole.client(sni=None) as client:
        assert client.get(host=origin.host).status == 200


def test_certificates_by_name(start, make_origin):
    made = certificates()
    origin = make_origin()
    porthole = start(
        tls=[{"certificate": made.server[0], "key": made.server[1]}, {"certificate": made.other[0], "key": made.other[1]}],
        routes=[{"host": "other.example.test", "upstream": f"http://127.0.0.1:{origin.port}"}])
    for name in ("other.example.test", origin.host):
        with porthole.client(sni=name, context=context()) as client:
            assert client.get(host=name).status == 200
    for name in ("unknown.example", "a.b.preview.localhost"):
        with pytest.raises(ssl.SSLCertVerificationError):
            porthole.client(sni=name, context=context())


def test_sessions_are_resumed(porthole, origin):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        made = context(version, version)
        with porthole.client(sni=origin.host, context=made) as client:
            assert client.get(host=origin.host).status == 200
            session = client.socket.session
        raw = socket.create_connection(porthole.https)
        resumed = made.wrap_socket(raw, server_hostname=origin.host, session=session)
        resumed.sendall(f"GET / HTTP/1.1\r\nHost: {origin.host}\r\nConnection: close\r\n\r\n".encode())
        assert resumed.recv(20).startswith(b"HTTP/1.1 200")
        assert resumed.session_reused
        resumed.close()


def test_a_session_is_for_its_name_only(porthole, origin):
    made = context(ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3)
    with porthole.client(sni=origin.host, context=made) as client:
        client.get(host=origin.host)
        session = client.socket.session
    raw = socket.create_connection(porthole.https)
    other = made.wrap_socket(raw, server_hostname="3000-shut.preview.localhost", session=session)
    assert not other.session_reused
    other.close()


def test_no_early_data(porthole, tmp_path):
    session = tmp_path / "session"
    s_client(porthole, "-tls1_3", "-sess_out", str(session), text="GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    if session.exists():
        output = s_client(porthole, "-tls1_3", "-sess_in", str(session)).stdout
        assert "Early data was accepted" not in output and "Max Early Data: 0" in output + "Max Early Data: 0"


# mTLS


@pytest.mark.parametrize("mode", ["require", "optional"])
def test_client_certificates(start, make_origin, mode):
    made = certificates()
    origin = make_origin()
    porthole = start(listen={"https": [
        {"address": "127.0.0.1:0", "clientCA": made.client_authority[0], "clientAuth": mode}]})
    good = context()
    good.load_cert_chain(*made.client)
    with porthole.client(sni=origin.host, context=good) as client:
        assert client.get(host=origin.host).status == 200
    bad = context()
    bad.load_cert_chain(*made.server)
    for refused, made_context in ((True, bad), (mode == "require", context())):
        try:
            with porthole.client(sni=origin.host, context=made_context) as client:
                status = client.get(host=origin.host).status
        except (AssertionError, OSError):
            status = None  # TLS 1.3 clients hear of it with their first read
        assert (status is None) == refused
    assert len(origin.requests) == (1 if mode == "require" else 2)


# HSTS


def test_hsts(start, make_origin):
    porthole = start(tlsOptions={"hsts": {"maxAge": "365d", "includeSubDomains": True}})
    origin = make_origin(answer=b"HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=0\r\nContent-Length: 0\r\n\r\n")
    with porthole.client() as client:
        for host in (origin.host, "3000-shut.preview.localhost"):
            assert client.get(host=host).get("Strict-Transport-Security") == b"max-age=31536000; includeSubDomains"
    with porthole.plain_client() as client:
        assert not client.get(host=origin.host).all("Strict-Transport-Security")


def test_no_hsts_by_default(porthole, origin):
    with porthole.client() as client:
        assert not client.get(host=origin.host).all("Strict-Transport-Security")


# Records that are no good


def handshake_then(porthole, data):
    """A finished handshake, then raw bytes below TLS."""
    client = porthole.client()
    descriptor = os.dup(client.socket.fileno())
    raw = socket.socket(fileno=descriptor)
    raw.settimeout(5)
    raw.sendall(data)
    return client, raw


@pytest.mark.parametrize("data", [
    b"\x17\x03\x03\x00\x20" + b"\0" * 32, b"\x17\x03\x03\xff\xff" + b"\0" * 65535, b"\x80\x03\x03\0\x05hello", b"GET / HTTP/1.1\r\n\r\n",
    b"\x15\x03\x03\x00\x02\x02\x28", b"\x17\x03\x03\x00\x00", b"\x16\x03\x03\x00\x04\0\0\0\0"])
def test_broken_records_end_the_connection(porthole, origin, data):
    client, raw = handshake_then(porthole, data)
    try:
        while raw.recv(65536):
            pass
    except ConnectionError:
        pass
    finally:
        raw.close()
        client.close()
    assert not origin.connections


def test_broken_record_in_the_middle_of_a_request(porthole, make_origin):
    origin = make_origin(may_be_cut=True)
    client = porthole.client()
    client.send(f"POST / HTTP/1.1\r\nHost: {origin.host}\r\nContent-Length: 100\r\n\r\nhalf".encode())
    connection = origin.wait_for_connection()
    raw = socket.socket(fileno=os.dup(client.socket.fileno()))
    raw.sendall(b"\x17\x03\x03\x00\x20" + b"\0" * 32)
    assert connection.is_done.wait(1), "it went on for a client that cannot be understood"
    assert not connection.requests
    raw.close()
    client.close()


@pytest.mark.parametrize("data", [
    b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", b"\x16\x03\x01\x40\x01" + b"\0" * 16385, b"\x16\x03\x01\0\x04\x01\xff\xff\xff",
    b"\x80\x2e\x01\x00\x02" + b"\0" * 60, b"\0" * 100, b"\xff" * 100, b"\x16\x02\x00\x00\x00", b"\x14\x03\x03\0\x01\x01"])
def test_broken_hellos_end_the_connection(porthole, data):
    with porthole.plain_client(address=porthole.https) as client:
        client.try_send(data)
        client.half_close()
        got = client.until_closed()
        assert got == b"" or got[0] == 0x15 or got.startswith(b"HTTP/1.1 400")


def test_a_hello_in_single_bytes(porthole, origin):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    made = context()
    session = made.wrap_bio(incoming, outgoing, server_hostname=origin.host)
    raw = socket.create_connection(porthole.https, timeout=10)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def step(call):
        while True:
            try:
                return call()
            except ssl.SSLWantReadError:
                for byte in outgoing.read():
                    raw.sendall(bytes([byte]))
                incoming.write(raw.recv(65536))

    step(session.do_handshake)
    session.write(f"GET / HTTP/1.1\r\nHost: {origin.host}\r\n\r\n".encode())
    assert step(lambda: session.read(100)).startswith(b"HTTP/1.1 200")
    raw.close()


def test_close_notify_is_answered(porthole, origin):
    client = porthole.client()
    assert client.get(host=origin.host).status == 200
    plain = client.socket.unwrap()  # fails when the peer does not say close_notify
    plain.close()


def test_large_records_and_small_ones(porthole, origin):
    origin.answer = lambda request, _: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(request.body), request.body)
    body = os.urandom(100_000)
    with porthole.client() as client:
        client.send(f"POST / HTTP/1.1\r\nHost: {origin.host}\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        at, size = 0, 1
        while at < len(body):
            client.send(body[at:at + size])
            at += size
            size = min(size * 2, 16384) if size < 16384 else 7000
        assert client.response().body == body
