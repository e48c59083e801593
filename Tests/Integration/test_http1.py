"""HTTP/1.1 in good order: what RFC 9110 and RFC 9112 promise to both sides."""

from harness import wait_until


def test_get(porthole, origin):
    with porthole.client() as client:
        response = client.get(host=origin.host)
    assert (response.status, response.body) == (200, b"ok")
    assert origin.requests[0].start == b"GET / HTTP/1.1"
