"""gRPC: a real client and a real server of Google's with Porthole between them, and services that speak HTTP/2 by
scripted frames where a real one would not do what a test needs."""

import struct
import threading
import time

import pytest

grpc = pytest.importorskip("grpc")

import h2.config  # noqa: E402
import h2.connection  # noqa: E402
import h2.events  # noqa: E402
from concurrent import futures  # noqa: E402

from h2kit import *  # noqa: F403, E402


def port_of(listener):
    return listener.getsockname()[1]


class Service(grpc.GenericRpcHandler):
    """Methods without generated code: requests and responses are bytes."""

    def __init__(self):
        self.cancelled = threading.Event()
        self.begun = threading.Event()

    def service(self, details):
        kinds = {
            "Unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "Fail": grpc.unary_unary_rpc_method_handler(self.fail),
            "Slow": grpc.unary_unary_rpc_method_handler(self.slow),
            "Down": grpc.unary_stream_rpc_method_handler(self.down),
            "Up": grpc.stream_unary_rpc_method_handler(self.up),
            "Both": grpc.stream_stream_rpc_method_handler(self.both),
        }
        return kinds.get(details.method.rsplit("/", 1)[1])

    def unary(self, request, context):
        context.send_initial_metadata((("x-initial", "1"), ("x-binary-bin", b"\0\1\xff")))
        context.set_trailing_metadata((("x-trailing", dict(context.invocation_metadata()).get("x-sent", "none")),))
        return request

    def fail(self, request, context):
        context.set_trailing_metadata((("x-why", "because"),))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not like this: é%")

    def slow(self, request, context):
        self.begun.set()
        context.add_callback(self.cancelled.set)
        time.sleep(float(request))
        return b"late"

    def down(self, request, context):
        count, size = (int(part) for part in request.split())
        for index in range(count):
            yield b"%d" % index + b"." * size

    def up(self, requests, context):
        return b"%d" % sum(len(request) for request in requests)

    def both(self, requests, context):
        for request in requests:
            yield b"echo " + request


@pytest.fixture(scope="module")
def service():
    made = Service()
    server = grpc.server(futures.ThreadPoolExecutor(32), handlers=[made], options=[
        ("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0)])
    made.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    made.server = server
    yield made
    server.stop(0)


@pytest.fixture(scope="module")
def scripted():
    """An origin that speaks HTTP/2 by prior knowledge; tests set its `handler`."""
    made = H2Origin()
    yield made
    made.close()


@pytest.fixture(scope="module")
def proxy(service, scripted):
    made = Proxy(sandboxes=f"""    - id: rpc
      address: 127.0.0.1
      ports: [{{port: {service.port}, protocol: h2c}}, {{port: {scripted.port}, protocol: h2c}}]
""")
    yield made
    alive = made.alive()
    made.stop()
    assert alive, made.text()[-4000:]


@pytest.fixture
def channel(proxy, service):
    with open(f"{proxy.folder}/cert.pem", "rb") as file:
        credentials = grpc.ssl_channel_credentials(file.read())
    host = f"{service.port}-rpc.{DOMAIN}"
    with grpc.secure_channel(f"127.0.0.1:{proxy.port}", credentials, options=[
            ("grpc.ssl_target_name_override", host), ("grpc.default_authority", host), ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]) as made:
        yield made


def test_unary(channel):
    call = channel.unary_unary("/t.S/Unary")
    response, info = call.with_call(b"hello", metadata=(("x-sent", "metadata"),), timeout=5)
    assert response == b"hello" and info.code() == grpc.StatusCode.OK
    assert dict(info.initial_metadata())["x-initial"] == "1" and dict(info.initial_metadata())["x-binary-bin"] == b"\0\1\xff"
    assert dict(info.trailing_metadata())["x-trailing"] == "metadata"


def test_many_unary_at_once(channel):
    call = channel.unary_unary("/t.S/Unary")
    waiting = [call.future(b"%d" % index, timeout=20) for index in range(500)]
    assert [one.result() for one in waiting] == [b"%d" % index for index in range(500)]


def test_status_in_trailers(channel):
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/t.S/Fail")(b"x", timeout=5)
    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert caught.value.details() == "not like this: é%"
    assert dict(caught.value.trailing_metadata())["x-why"] == "because"


def test_unknown_method_is_trailers_only(channel):
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/t.S/Nothing")(b"x", timeout=5)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_server_streaming(channel):
    messages = list(channel.unary_stream("/t.S/Down")(b"1000 100", timeout=20))
    assert len(messages) == 1000 and messages[999].startswith(b"999.")


def test_client_streaming(channel):
    assert channel.stream_unary("/t.S/Up")(iter([b"x" * 1000] * 1000), timeout=20) == b"1000000"


def test_conversation(channel):
    """Each answer is waited for before the next question: nothing may sit in a buffer."""
    answers, questions = [], []
    ready = threading.Semaphore(1)

    def ask():
        for index in range(50):
            ready.acquire()
            questions.append(b"%d" % index)
            yield b"%d" % index

    for answer in channel.stream_stream("/t.S/Both")(ask(), timeout=20):
        answers.append(answer)
        assert len(answers) == len(questions)
        ready.release()
    assert answers == [b"echo %d" % index for index in range(50)]


def test_large_messages(channel, proxy):
    before = proxy.memory()
    message = b"x" * (16 << 20)
    assert channel.unary_unary("/t.S/Unary")(message, timeout=30) == message
    assert sum(len(part) for part in channel.unary_stream("/t.S/Down")(b"20 4000000", timeout=30)) > 80000000
    assert proxy.memory() - before < 24 << 20


def test_deadline(channel):
    begun = time.time()
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/t.S/Slow")(b"3", timeout=0.3)
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED and time.time() - begun < 2


def test_cancel_reaches_the_service(channel, service):
    service.begun.clear()
    service.cancelled.clear()
    call = channel.unary_unary("/t.S/Slow").future(b"1.5")
    assert service.begun.wait(5)
    call.cancel()
    assert service.cancelled.wait(5)


def test_cancelled_downloads_leave_the_shared_connection_usable(channel, proxy, service):
    """What a slow client had not taken is given back to the window that all share."""
    for _ in range(25):
        call = channel.unary_stream("/t.S/Down")(b"100 1000000")
        next(call)
        time.sleep(0.02)
        call.cancel()
    assert sum(len(part) for part in channel.unary_stream("/t.S/Down")(b"10 1000000", timeout=15)) > 10000000


def test_plain_http1_client_of_an_h2c_service(proxy, scripted):
    def handler(c, event):
        c.send_headers(event.stream_id, [(":status", "200"), ("x-a", "b")])
        c.send_data(event.stream_id, b"from h2c")
        c.send_headers(event.stream_id, [("x-trailer", "t")], end_stream=True)

    scripted.handler = handler
    host = f"{scripted.port}-rpc.{DOMAIN}"
    sock = tls(proxy.port, host, ["http/1.1"])
    sock.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nTE: trailers\r\nConnection: close\r\n\r\n".encode())
    answer = read_all(sock)
    assert answer.startswith(b"HTTP/1.1 200") and b"from h2c" in answer and b"x-trailer: t" in answer.lower()


# --- services that misbehave, by script


class H2Origin:
    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = port_of(self.listener)
        self.handler = None
        self.connections = 0
        self.context = None
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        self.connections += 1
        number = self.connections
        try:
            if self.context:
                sock = self.context.wrap_socket(sock, server_side=True)
            c = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
            c.number, c.sock, c.bodies = number, sock, {}
            c.initiate_connection()
            sock.sendall(c.data_to_send())
            while data := sock.recv(65536):
                for event in c.receive_data(data):
                    if isinstance(event, h2.events.DataReceived):
                        c.bodies[event.stream_id] = c.bodies.get(event.stream_id, b"") + event.data
                        c.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    if isinstance(event, h2.events.RequestReceived):
                        if self.handler(c, event) == "close":
                            sock.sendall(c.data_to_send())
                            sock.close()
                            return
                sock.sendall(c.data_to_send())
        except (OSError, ssl.SSLError, h2.exceptions.ProtocolError):
            pass

    def close(self):
        self.listener.close()


@pytest.fixture
def client(proxy, scripted):
    with H2(proxy, f"{scripted.port}-rpc.{DOMAIN}") as made:
        yield made.settle()


def ok(c, event, body=b"ok"):
    c.send_headers(event.stream_id, [(":status", "200")])
    c.send_data(event.stream_id, body, end_stream=True)


def test_head_towards_h2c(client, scripted):
    seen = {}

    def handler(c, event):
        seen["fields"] = list(event.headers)
        ok(c, event)

    scripted.handler = handler
    assert client.get("/p?q", extra=[("te", "trailers"), ("cookie", "a=1"), ("cookie", "b=2"), ("x-a", "1")]).body == b"ok"
    fields = dict(seen["fields"])
    assert fields[":method"] == "GET" and fields[":path"] == "/p?q" and fields[":scheme"] == "http"
    assert fields[":authority"] == client.authority and "host" not in fields
    assert fields["te"] == "trailers" and fields["cookie"] == "a=1; b=2" and fields["x-forwarded-proto"] == "https"
    assert not {"connection", "transfer-encoding", "upgrade"} & set(fields)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_refused_stream_is_tried_again(client, scripted, method):
    """RFC 9113 §8.7: refused is not processed, so even a POST may be sent again."""
    begun, tries = scripted.connections, []

    def handler(c, event):
        tries.append(c.number)
        if len(tries) < 3:
            c.reset_stream(event.stream_id, error_code=REFUSED_STREAM)
        else:
            ok(c, event)

    scripted.handler = handler
    response = client.get("/", method=method)
    assert response.status == 200 and response.body == b"ok", response.headers
    assert len(tries) == 3 and scripted.connections > begun


def test_a_service_that_always_refuses(client, scripted):
    tries = []

    def handler(c, event):
        tries.append(event.stream_id)
        c.reset_stream(event.stream_id, error_code=REFUSED_STREAM)

    scripted.handler = handler
    response = client.get("/")
    assert response.status == 502 and response.header("porthole-forwarded") == "no" and len(tries) < 10


def test_refused_with_a_body_is_refused_to_the_client(client, scripted):
    def handler(c, event):
        time.sleep(0.2)
        c.reset_stream(event.stream_id, error_code=REFUSED_STREAM)

    scripted.handler = handler
    stream = client.request("/", "POST", body=b"x" * 100)
    assert client.response(stream).reset == REFUSED_STREAM


def test_goaway_that_refuses(client, scripted):
    """The last stream is below ours: another connection takes it."""
    numbers = []

    def handler(c, event):
        numbers.append(c.number)
        if len(numbers) == 1:
            c.close_connection(last_stream_id=event.stream_id - 2 if event.stream_id > 1 else 0)
        else:
            ok(c, event)

    scripted.handler = handler
    response = client.get("/", method="POST")
    assert response.status == 200 and len(set(numbers)) == 2


def test_goaway_lets_the_last_stream_finish(client, scripted):
    served = []

    def handler(c, event):
        served.append(c.number)
        if dict(event.headers)[":path"] == "/last":
            c.send_headers(event.stream_id, [(":status", "200")])
            c.close_connection(last_stream_id=event.stream_id)
            frames = c.data_to_send()
            # The library will not send on a closed connection, so the end is written by hand.
            c.sock.sendall(frames + H2.pack(DATA, END_STREAM, event.stream_id, b"the last"))
        else:
            ok(c, event)

    scripted.handler = handler
    assert client.get("/last").body == b"the last"
    assert client.get("/next").body == b"ok"
    assert served[1] != served[0]


@pytest.mark.parametrize("what,status", [("reset", 502), ("close", 502)])
def test_a_service_that_breaks(client, scripted, what, status):
    def handler(c, event):
        if what == "reset":
            c.reset_stream(event.stream_id, error_code=INTERNAL_ERROR)
        return what

    scripted.handler = handler
    assert client.get("/", method="POST", body=b"x").status == status
    scripted.handler = ok
    assert client.get("/").status == 200


def test_a_stale_shared_connection(client, scripted):
    """The service closed it a moment ago: a GET does not notice."""
    scripted.handler = ok
    client.get("/")
    state = {"closed": False}

    def handler(c, event):
        if not state["closed"]:
            state["closed"] = True
            return "close"
        ok(c, event)

    scripted.handler = handler
    assert client.get("/").status == 200


@pytest.mark.parametrize("frames", [
    b"\0\0\x04\x00\x00\0\0\0\0junk",
    b"\0\0\x08\x06\0\0\0\0\x05abcdefgh",
    b"\xff\xff\xff\x00\0\0\0\0\x01",
])
def test_a_service_that_breaks_the_protocol(client, scripted, frames):
    def handler(c, event):
        c.sock.sendall(frames)

    scripted.handler = handler
    response = client.get("/", method="POST", body=b"x")
    assert response.status == 502 and response.header("porthole-error") in ("upstream/malformed", "upstream/reset", "upstream/closed")
    scripted.handler = ok
    assert client.get("/").status == 200


def test_slow_readers_that_leave(client, scripted):
    """Twenty downloads that are stopped half-way must not eat the connection to the service."""
    def handler(c, event):
        c.send_headers(event.stream_id, [(":status", "200")])

        def pump():
            left = 300000
            while left and not getattr(c, "gone", False):
                try:
                    room = min(c.local_flow_control_window(event.stream_id), 16384, left)
                    if room > 0:
                        c.send_data(event.stream_id, b"x" * room, end_stream=room == left)
                        left -= room
                        c.sock.sendall(c.data_to_send())
                    else:
                        time.sleep(0.01)
                except Exception:  # noqa: BLE001: the stream was reset
                    return

        threading.Thread(target=pump, daemon=True).start()

    scripted.handler = handler
    client.gives_window = False
    client.frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 30))
    for _ in range(20):
        stream = client.request("/")
        client.until(lambda: stream in client.responses and len(client.responses[stream].body) == 65535)
        time.sleep(0.05)
        client.reset(stream)
    client.gives_window = True
    assert len(client.get("/", timeout=15).body) == 300000


@pytest.mark.parametrize("alpn", [["h2", "http/1.1"], ["http/1.1"], None])
def test_tls_upstream(service, alpn):
    """protocol: https — HTTP/2 where the service chooses it, HTTP/1.1 otherwise."""
    proxy = Proxy()
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{proxy.folder}/cert.pem", f"{proxy.folder}/key.pem")
        if alpn:
            context.set_alpn_protocols(alpn)
        if alpn and alpn[0] == "h2":
            target = H2Origin()
            target.context = context
            target.handler = lambda c, event: ok(c, event, dict(event.headers)[":scheme"].encode())
        else:
            target = Origin(lambda request: request.answer(request.version.encode()))
            plain = target._serve
            target._serve = lambda sock: plain(context.wrap_socket(sock, server_side=True))
        proxy.stop()
        proxy = Proxy(sandboxes=f"""    - id: rpc
      address: 127.0.0.1
      ports: [{{port: {target.port}, protocol: https}}]
""")
        with H2(proxy, f"{target.port}-rpc.{DOMAIN}") as c:
            c.settle()
            for _ in range(3):
                response = c.get("/")
                assert response.status == 200, response.headers
                assert response.body == (b"https" if alpn and alpn[0] == "h2" else b"HTTP/1.1")
        target.close()
    finally:
        proxy.stop()
