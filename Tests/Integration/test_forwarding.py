"""What the sandbox sees: Host and Origin by policy, the forwarding fields, and nobody else's version of them."""

import re

import pytest

TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def seen(porthole, origin, *fields, method="GET", host=None, **client):
    """The request that the origin saw."""
    with porthole.client(**client) as connection:
        data = "\r\n".join([f"{method} /p?q HTTP/1.1", f"Host: {host or origin.host}", *fields, "", ""])
        assert connection.request(data.encode("latin-1"), method).status == 200
    return origin.requests[-1]


def test_fields_that_are_added(porthole, origin):
    request = seen(porthole, origin)
    host = origin.host.encode()
    assert request.get("Host") == host
    assert request.get("X-Forwarded-For") == b"127.0.0.1"
    assert request.get("X-Real-IP") == b"127.0.0.1"
    assert request.get("X-Forwarded-Proto") == b"https"
    assert request.get("X-Forwarded-Host") == host
    assert request.get("X-Forwarded-Port") == b"443"
    assert re.fullmatch(rb"[0-9a-f]{32}", request.get("X-Request-Id"))
    assert re.fullmatch(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-01", request.get("traceparent"))


def test_the_clients_port_is_told(porthole, origin):
    request = seen(porthole, origin, host=f"{origin.host}:8443")
    assert request.get("Host") == f"{origin.host}:8443".encode()
    assert request.get("X-Forwarded-Host") == f"{origin.host}:8443".encode()
    assert request.get("X-Forwarded-Port") == b"8443"


def test_request_ids_are_never_the_same(porthole, origin):
    for _ in range(100):
        seen(porthole, origin)
    assert len({request.get("X-Request-Id") for request in origin.requests}) == 100
    assert len({request.get("traceparent") for request in origin.requests}) == 100


SPOOFED = ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Real-IP", "X-Request-Id",
           "X-Forwarded-Server", "X-Forwarded-Prefix", "X-Forwarded-Proto-Version", "X-Forwarded-Ssl", "Forwarded",
           "X-Porthole-Token"]


@pytest.mark.parametrize("spell", [str, str.upper, str.lower, lambda name: name.replace("-", "_"),
                                   lambda name: name.replace("-", "_", 1), lambda name: name.replace("-", "_").lower()],
                         ids=["as it is", "upper", "lower", "underscores", "one underscore", "lower underscores"])
@pytest.mark.parametrize("name", SPOOFED)
def test_spoofed_fields_are_removed(porthole, origin, name, spell):
    seen(porthole, origin, f"{spell(name)}: 6.6.6.6", f"{spell(name)}: evil")
    assert b"6.6.6.6" not in origin.received and b"evil" not in origin.received


@pytest.mark.parametrize("value", [
    "keep-alive, X-Named, X-Forwarded-For, Host, Cookie, Authorization", "x-named,x-real-ip,cookie,authorization,user-agent",
    "close, X-NAMED, Cookie , Authorization,,"])
def test_what_connection_names_ends_here(porthole, origin, value):
    request = seen(porthole, origin, f"Connection: {value}", "X-Named: 1", "x-naMED: 2", "X-Other: 3", "Cookie: a=b",
                   "Authorization: Basic x", "User-Agent: z", "Keep-Alive: timeout=5", "Proxy-Connection: keep-alive", "TE: trailers")
    for name in ("X-Named", "Keep-Alive", "Proxy-Connection"):
        assert not request.all(name), name
    # End-to-end fields are not options (RFC 9110 §7.6.1); taking a credential away would be an attack on what is behind us.
    assert (request.get("Cookie"), request.get("Authorization")) == (b"a=b", b"Basic x")
    assert bool(request.all("User-Agent")) == ("user-agent" not in value)
    assert request.get("X-Other") == b"3"
    assert request.get("Host") == origin.host.encode()
    assert request.get("X-Forwarded-For") == b"127.0.0.1"
    assert request.get("X-Real-IP") == b"127.0.0.1"


def test_what_connection_names_in_an_answer_ends_here(porthole, origin):
    origin.answer = (b"HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Named\r\nX-Named: 1\r\nKeep-Alive: timeout=5\r\n"
                     b"Proxy-Connection: x\r\nX-Other: 2\r\nContent-Length: 0\r\n\r\n")
    with porthole.client() as client:
        response = client.get(host=origin.host)
    assert [response.all(name) for name in ("Connection", "X-Named", "Keep-Alive", "Proxy-Connection", "X-Other")] == [
        [], [], [], [], [b"2"]]


def test_our_words_in_an_answer_are_ours_alone(porthole, origin):
    origin.answer = (b"HTTP/1.1 200 OK\r\nPorthole-Error: dial/port-closed\r\nPorthole-Forwarded: no\r\nContent-Length: 0\r\n\r\n")
    with porthole.client() as client:
        response = client.get(host=origin.host)
    assert not response.all("Porthole-Error") and not response.all("Porthole-Forwarded")


def test_a_good_traceparent_is_passed_on(porthole, origin):
    request = seen(porthole, origin, "traceparent: " + TRACE.decode(), "tracestate: a=b")
    assert request.get("traceparent") == TRACE and request.get("tracestate") == b"a=b"


@pytest.mark.parametrize("value", ["", "x", "00-" + "0" * 32 + "-b7ad6b7169203331-01", TRACE.decode()[:-1], TRACE.decode().upper(),
                                   "ff" + TRACE.decode()[2:], TRACE.decode() + "-extra"])
def test_a_bad_traceparent_is_replaced(porthole, origin, value):
    request = seen(porthole, origin, "traceparent: " + value)
    assert re.fullmatch(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-01", request.get("traceparent"))
    assert request.get("traceparent") != value.encode()


def test_our_cookie_stays_here(porthole, origin):
    request = seen(porthole, origin, "Cookie: a=1; __Host-porthole=secret; b=2", "Cookie: __Host-porthole=other")
    assert b"secret" not in origin.received and b"other" not in origin.received
    assert request.get("Cookie") == b"a=1; b=2"
    request = seen(porthole, origin, "Cookie: __Host-porthole=secret")
    assert not request.all("Cookie")


def test_cookies_of_the_sandbox_stay_on_its_host(porthole, origin):
    origin.answer = (b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: __Host-porthole=x; Path=/; Secure\r\n"
                     b"Set-Cookie: b=2; Domain=preview.localhost; Path=/\r\nContent-Length: 0\r\n\r\n")
    with porthole.client() as client:
        cookies = client.get(host=origin.host).all("Set-Cookie")
    assert cookies[0] == b"a=1; Path=/"
    assert not any(b"__Host-porthole" in cookie or b"omain=preview.localhost" in cookie for cookie in cookies)


# Policies


@pytest.fixture
def policies(start, make_origin):
    origin = make_origin()
    names = {"public": "pub", "localhost": "local", "app.internal": "fixed", "app.internal:8080": "fixedport"}
    porthole = start(runner={"sandboxes": [
        {"id": name, "address": "127.0.0.1", "ports": [{"port": origin.port, "host": policy}]} for policy, name in names.items()]})
    return porthole, origin, names


def test_host_policy(policies):
    porthole, origin, names = policies
    expected = {"public": None, "localhost": f"localhost:{origin.port}", "app.internal": "app.internal",
                "app.internal:8080": "app.internal:8080"}
    for policy, name in names.items():
        host = f"{origin.port}-{name}.preview.localhost:8443"
        for given, wanted in [(f"https://{host}", f"http://{expected[policy]}" if expected[policy] else f"https://{host}"),
                              ("https://evil.example", "https://evil.example"), ("null", "null"),
                              (f"http://{host}", f"http://{host}"), (f"https://{host}.evil.example", f"https://{host}.evil.example")]:
            request = seen(porthole, origin, f"Origin: {given}", host=host)
            assert request.get("Host") == (expected[policy] or host).encode()
            assert request.get("Origin") == wanted.encode(), policy
            assert request.get("X-Forwarded-Host") == host.encode()


# Trusted proxies


def test_a_trusted_proxys_words_are_kept(start, make_origin):
    porthole = start(listen={"trustedProxies": ["127.0.0.0/8"]})
    origin = make_origin()
    request = seen(porthole, origin, "X-Forwarded-For: 198.51.100.7", "X-Real-IP: 198.51.100.7", "X-Request-Id: abc-1")
    assert request.get("X-Forwarded-For") == b"198.51.100.7, 127.0.0.1"
    assert request.get("X-Real-IP") == b"198.51.100.7"
    assert request.get("X-Request-Id") == b"abc-1"


def test_all_lines_of_a_trusted_x_forwarded_for_are_kept(start, make_origin):
    """The first is the client's invention; the second is the one that the proxy added."""
    porthole = start(listen={"trustedProxies": ["127.0.0.0/8"]})
    origin = make_origin()
    request = seen(porthole, origin, "X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 198.51.100.7")
    assert request.get("X-Forwarded-For") == b"6.6.6.6, 198.51.100.7, 127.0.0.1"


def test_a_trusted_proxys_bad_request_id_is_replaced(start, make_origin):
    porthole = start(listen={"trustedProxies": ["127.0.0.0/8"]})
    origin = make_origin()
    for value in ("a b", "x" * 200, "a\"b", ""):
        assert re.fullmatch(rb"[0-9a-f]{32}", seen(porthole, origin, f"X-Request-Id: {value}").get("X-Request-Id"))


def test_an_untrusted_peer_is_not_believed(start, make_origin):
    porthole = start(listen={"trustedProxies": ["10.0.0.0/8"]})
    origin = make_origin()
    assert seen(porthole, origin, "X-Forwarded-For: 6.6.6.6").get("X-Forwarded-For") == b"127.0.0.1"
