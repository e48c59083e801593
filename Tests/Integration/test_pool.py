"""Upstream connections: reused, never shared in time, and trusted only as far as RFC 9110 §9.2.2 goes."""

import threading

import pytest

from harness import wait_until


def get(origin, method="GET", fields="", body=""):
    return f"{method} / HTTP/1.1\r\nHost: {origin.host}\r\n{fields}\r\n{body}".encode()


def test_clients_share_upstream_connections_in_turn(porthole, origin):
    for _ in range(20):
        with porthole.client() as client:
            assert client.get(host=origin.host).status == 200
    assert len(origin.connections) == 1
    assert len(origin.connections[0].requests) == 20


def test_at_once_they_have_one_each(porthole, make_origin):
    barrier = threading.Barrier(5)

    def answer(request, connection):
        barrier.wait(5)
        return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    origin = make_origin(answer=answer)
    clients = [porthole.client() for _ in range(5)]
    for client in clients:
        client.send(get(origin))
    for client in clients:
        assert client.response().status == 200
        client.close()
    assert len(origin.connections) == 5


def stale(porthole, make_origin, how="close"):
    """An origin whose one pooled connection ends when it gets its second request, before any answer."""
    def serve(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        if connection.number == 0:
            connection.reader.until(b"\r\n\r\n")
            getattr(connection, how)()
        else:
            connection.request()

    origin = make_origin(serve=serve, may_be_cut=True)
    with porthole.client() as client:
        assert client.request(get(origin)).status == 200
    return origin


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE", "PUT"])
def test_a_stale_connection_is_replaced(porthole, make_origin, method, how):
    origin = stale(porthole, make_origin, how)
    with porthole.client() as client:
        response = client.request(get(origin, method), method)
        assert response.status == 200
    assert len(origin.connections) == 2


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("method,fields,body", [("POST", "Content-Length: 0\r\n", ""), ("POST", "Content-Length: 3\r\n", "abc"),
                                                ("PATCH", "", ""), ("BREW", "", ""), ("PUT", "Content-Length: 3\r\n", "abc")])
def test_what_may_have_had_an_effect_is_never_sent_twice(porthole, make_origin, method, fields, body, how):
    origin = stale(porthole, make_origin, how)
    with porthole.client() as client:
        response = client.request(get(origin, method, fields, body))
        assert response.status == 502
        assert response.get("Porthole-Error") in (b"upstream/closed", b"upstream/reset")
    assert len(origin.connections) == 1


def test_a_connection_that_the_origin_closed_in_the_pool_is_not_used(porthole, make_origin):
    def serve(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    origin = make_origin(serve=serve)
    for _ in range(5):
        with porthole.client() as client:
            assert client.request(get(origin, "POST", "Content-Length: 0\r\n")).status == 200
    assert len(origin.connections) == 5


def test_a_second_stale_connection_is_not_tried(porthole, make_origin):
    """After one stale connection a new one is dialled, however many wait."""
    gate = threading.Barrier(4)
    stage = [0]

    def serve(connection):
        connection.request()
        if stage[0] == 0:
            gate.wait(5)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        connection.reader.more()
        if connection.number >= 3:
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    origin = make_origin(serve=serve, may_be_cut=True)
    clients = [porthole.client() for _ in range(3)]
    for client in clients:
        client.send(get(origin))
    gate.wait(5)
    for client in clients:
        assert client.response().status == 200
    stage[0] = 1
    assert clients[0].request(get(origin)).status == 200
    assert len(origin.connections) == 4


def test_an_aborted_exchange_leaves_nothing_in_the_pool(porthole, make_origin):
    def serve(connection):
        while connection.request() is not None:
            if connection.requests[-1].target == b"/slow":
                connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            else:
                connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    origin = make_origin(serve=serve)
    for _ in range(5):
        client = porthole.client()
        client.send(f"GET /slow HTTP/1.1\r\nHost: {origin.host}\r\n\r\n".encode())
        client.reader.until(b"half")
        client.close()
        with porthole.client() as other:
            assert other.get(host=origin.host).body == b"ok"


def test_idle_connections_end(start, make_origin):
    porthole = start(timeouts={"upstreamIdle": "500ms"})
    origin = make_origin()
    with porthole.client() as client:
        assert client.get(host=origin.host).status == 200
        assert origin.connections[0].is_done.wait(5)
        assert client.get(host=origin.host).status == 200


def test_the_pool_is_bounded(start, make_origin):
    porthole = start(limits={"idleUpstreamPerKey": 2})
    barrier = threading.Barrier(6)

    def answer(request, connection):
        barrier.wait(5)
        return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    origin = make_origin(answer=answer)
    clients = [porthole.client() for _ in range(6)]
    for client in clients:
        client.send(get(origin))
    for client in clients:
        assert client.response().status == 200
    wait_until(lambda: sum(not connection.is_done.is_set() for connection in origin.connections) == 2, "the rest's end")


def test_nothing_is_left_open_after_a_storm(porthole, make_origin):
    origin = make_origin()
    with porthole.client() as client:
        client.get(host=origin.host)
    before = porthole.descriptors()
    for _ in range(5):
        clients = [porthole.client() for _ in range(40)]
        for index, client in enumerate(clients):
            client.send(get(origin, "POST", "Content-Length: 10\r\n", "half") if index % 3 else get(origin))
        for index, client in enumerate(clients):
            if index % 2:
                client.reset()
            else:
                client.close()
    origin.may_be_cut = True
    wait_until(lambda: porthole.descriptors() <= before + 20, "the descriptors' return")
    wait_until(lambda: porthole.metric("porthole_requests_in_flight") <= 1, "the requests' end")
