"""Answers of our own: the right word, a page for browsers, problem+json for programs, and routes that lead nowhere."""

import json
import threading

import pytest

from harness import Origin, closed_port, wait_until

BROWSER = ("Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")


@pytest.fixture
def nothing_listens():
    sock, port = closed_port()
    yield f"{port}-bench.preview.localhost"
    sock.close()


def test_port_closed_for_programs(porthole, nothing_listens):
    with porthole.client() as client:
        response = client.get(host=nothing_listens)
        assert (response.status, response.get("Porthole-Error")) == (502, b"dial/port-closed")
        assert response.get("Porthole-Forwarded") == b"no"
        assert response.get("Content-Type").startswith(b"application/problem+json")
        assert response.get("Cache-Control") == b"no-store"
        problem = json.loads(response.body)
        assert problem["status"] == 502 and "dial/port-closed" in response.body.decode()
        # The connection goes on: it is not the client's fault.
        assert client.get(host=nothing_listens).status == 502


def test_port_closed_for_browsers(porthole, nothing_listens):
    with porthole.client() as client:
        response = client.get(host=nothing_listens, fields=BROWSER)
        assert (response.status, response.get("Porthole-Error")) == (502, b"dial/port-closed")
        assert response.get("Content-Type").startswith(b"text/html")
        page = response.body.decode()
        assert "<!doctype html" in page.lower() and "viewport" in page and "prefers-color-scheme" in page
        assert "http-equiv=\"refresh\"" in page.lower() or "<script" in page.lower(), "it does not follow by itself"
        for external in ("src=\"http", "href=\"http", "@import", "url(http"):
            assert external not in page


def test_a_service_that_starts_late_is_met(start):
    porthole = start(timeouts={"dialRetry": "5s"})
    sock, port = closed_port()
    answers = []

    def ask():
        with porthole.client() as client:
            answers.append(client.get(host=f"{port}-bench.preview.localhost").body)

    thread = threading.Thread(target=ask)
    thread.start()
    wait_until(lambda: porthole.metric("porthole_upstream_dial_retries_total") >= 2, "two retries")
    sock.close()
    with Origin(port=port) as origin:
        thread.join(10)
        assert answers == [b"ok"] and len(origin.requests) == 1


def test_a_body_waits_for_a_late_service(start):
    porthole = start(timeouts={"dialRetry": "5s"})
    sock, port = closed_port()
    body = b"b" * 3_000_000
    with porthole.client() as client:
        thread = threading.Thread(target=client.send, args=(
            f"POST / HTTP/1.1\r\nHost: {port}-bench.preview.localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body,))
        thread.start()
        wait_until(lambda: porthole.metric("porthole_upstream_dial_retries_total") >= 2, "two retries")
        sock.close()
        with Origin(port=port) as origin:
            assert client.response().body == b"ok"
            thread.join(10)
            assert origin.requests[0].body == body


def test_a_client_that_leaves_while_we_dial(start):
    porthole = start(timeouts={"dialRetry": "5s"})
    sock, port = closed_port()
    client = porthole.client()
    client.send(f"GET / HTTP/1.1\r\nHost: {port}-bench.preview.localhost\r\n\r\n".encode())
    wait_until(lambda: porthole.metric("porthole_upstream_dial_retries_total") >= 1, "a retry")
    client.close()
    wait_until(lambda: porthole.metric("porthole_requests_in_flight") <= 1, "the end of the request")
    sock.close()


NOWHERE = ["{port}-shut.preview.localhost", "{port}-nobody.preview.localhost", "0-bench.preview.localhost",
           "65536-bench.preview.localhost", "03000-bench.preview.localhost", "-bench.preview.localhost",
           "3000-.preview.localhost", "3000-bench-.preview.localhost", "x3000-bench.preview.localhost",
           "3000-bench.extra.preview.localhost", "+{port}-bench.preview.localhost", "99999999999-bench.preview.localhost",
           "3000-bench..preview.localhost", "{port}-bench_.preview.localhost"]


@pytest.mark.parametrize("host", NOWHERE)
def test_what_is_not_exposed_is_404_without_a_dial(porthole, origin, host):
    with porthole.client() as client:
        response = client.get(host=host.format(port=origin.port))
        assert response.status in (404, 400, 421), response
        if "-shut" in host or "nobody" in host:
            assert (response.status, response.get("Porthole-Error")) == (404, b"route/not-found")
            assert response.get("Porthole-Forwarded") == b"no"
    assert not origin.connections


def test_unknown_and_unexposed_look_the_same(porthole, origin):
    answers = []
    for name in ("shut", "nobody"):
        with porthole.client() as client:
            response = client.get(host=f"{origin.port}-{name}.preview.localhost")
            body = json.loads(response.body)
            for key in ("instance", "requestId", "request_id", "request-id", "host"):
                body.pop(key, None)
            answers.append((response.status, sorted(response.names), json.dumps(body).replace(name, "")))
    assert answers[0] == answers[1]


def test_only_exposed_ports_answer(start, make_origin):
    open_origin, shut_origin = make_origin(), make_origin()
    porthole = start(runner={"sandboxes": [{"id": "pub", "ports": [open_origin.port]}]})
    with porthole.client() as client:
        assert client.get(host=f"{open_origin.port}-pub.preview.localhost").status == 200
        assert client.get(host=f"{shut_origin.port}-pub.preview.localhost").status == 404
    assert not shut_origin.connections


def test_an_allowlist_limits_an_open_sandbox(start, make_origin):
    allowed, other = make_origin(), make_origin()
    porthole = start(runner={"sandboxes": [{"id": "pub", "ingress": {"mode": "open", "allowPorts": [allowed.port]}}]})
    with porthole.client() as client:
        assert client.get(host=f"{allowed.port}-pub.preview.localhost").status == 200
        assert client.get(host=f"{other.port}-pub.preview.localhost").status == 404
    assert not other.connections


@pytest.mark.parametrize("spelling", ["{host}", "{HOST}", "{host}.", "{host}:443", "{host}.:8443", "{HOST}.:1"])
def test_spellings_of_a_host(porthole, origin, spelling):
    with porthole.client() as client:
        assert client.get(host=spelling.format(host=origin.host, HOST=origin.host.upper())).status == 200


@pytest.mark.parametrize("host", ["example.com", "preview.localhost.evil.example", "xpreview.localhost", "{port}-bench.evil.example",
                                  "{port}-bench.preview.localhost.evil.example", "127.0.0.1", "[::1]", "localhost"])
def test_other_peoples_hosts_are_misdirected(porthole, origin, host):
    with porthole.client() as client:
        response = client.get(host=host.format(port=origin.port))
        assert (response.status, response.get("Porthole-Error")) == (421, b"route/misdirected")
    assert not origin.connections


def test_several_domains(start, make_origin):
    porthole = start(domains=["preview.localhost", "second.localhost"])
    origin = make_origin()
    with porthole.client() as client:
        for domain in ("preview.localhost", "second.localhost"):
            assert client.get(host=f"{origin.port}-bench.{domain}").status == 200


def test_our_own_prefix_never_reaches_a_sandbox(porthole, origin):
    with porthole.client() as client:
        for target in ("/.porthole/", "/.porthole/auth?grant=x", "/.porthole/../x"):
            assert client.get(target, host=origin.host).status != 200
        assert not origin.connections
        for target in ("/.portholex", "/x/.porthole/", "/?/.porthole/"):
            assert client.get(target, host=origin.host).status == 200


def test_text_of_others_is_escaped(porthole):
    with porthole.client() as client:
        response = client.get("/<script>alert(1)</script>?\"'><img>", host="3000-shut.preview.localhost", fields=BROWSER)
        assert response.status == 404
        assert b"<script>alert" not in response.body and b"<img>" not in response.body


def test_head_of_an_error_has_no_body(porthole):
    with porthole.client() as client:
        client.send(b"HEAD / HTTP/1.1\r\nHost: 3000-shut.preview.localhost\r\n\r\n")
        response = client.response("HEAD")
        assert response.status == 404 and int(response.get("Content-Length")) > 0
        assert client.get(host="3000-shut.preview.localhost").status == 404


def test_response_head_timeout(start, make_origin):
    porthole = start(timeouts={"responseHead": "300ms"})
    origin = make_origin(serve=lambda connection: (connection.request(), connection.wait_for_end()))
    with porthole.client() as client:
        response = client.get(host=origin.host)
        assert (response.status, response.get("Porthole-Error")) == (504, b"upstream/timeout")
        assert not response.all("Porthole-Forwarded")
    assert origin.connections[0].is_done.wait(5)


def test_stream_idle_counts_from_the_last_byte(start, make_origin):
    porthole = start(timeouts={"streamIdle": "600ms"})
    gate = threading.Event()

    def serve(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(10):
            gate.wait(0.15)
            connection.send(b"1\r\nx\r\n")
        if connection.requests[0].target == b"/ends":
            connection.send(b"0\r\n\r\n")
        else:
            connection.wait_for_end()

    origin = make_origin(serve=serve)
    with porthole.client() as client:
        assert client.get("/ends", host=origin.host).body == b"x" * 10
    with porthole.client() as client:
        client.send(f"GET /stays HTTP/1.1\r\nHost: {origin.host}\r\n\r\n".encode())
        got = client.until_closed()
        assert got.count(b"1\r\nx\r\n") == 10 and not got.endswith(b"0\r\n\r\n")
    assert origin.connections[-1].is_done.wait(5)


@pytest.mark.parametrize("how", ["close", "reset"])
def test_an_upstream_that_ends_before_its_answer(porthole, make_origin, how):
    origin = make_origin(serve=lambda connection: (connection.request(), getattr(connection, how)()))
    with porthole.client() as client:
        for method in ("GET", "POST"):
            client.send(f"{method} / HTTP/1.1\r\nHost: {origin.host}\r\nContent-Length: 0\r\n\r\n".encode())
            response = client.response()
            assert response.status == 502
            assert response.get("Porthole-Error") in (b"upstream/closed", b"upstream/reset")
            assert not response.all("Porthole-Forwarded")
    assert len(origin.connections) == 2, "a request that had been sent was sent again"
