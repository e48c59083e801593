"""gRPC over h2c to the service: all four kinds of call, status in trailers, deadlines, cancelling, large messages."""
import concurrent.futures
import threading
import time

import pytest

from edge import free_port, until

grpc = pytest.importorskip("grpc", reason="grpcio is not installed")


class Service(grpc.GenericRpcHandler):
    def __init__(self):
        self.cancelled = threading.Event()

    def service(self, call):
        kinds = {
            "/t/Echo": grpc.unary_unary_rpc_method_handler(self.echo),
            "/t/Fail": grpc.unary_unary_rpc_method_handler(self.fail),
            "/t/Count": grpc.unary_stream_rpc_method_handler(self.count),
            "/t/Sum": grpc.stream_unary_rpc_method_handler(self.sum),
            "/t/Chat": grpc.stream_stream_rpc_method_handler(self.chat),
            "/t/Forever": grpc.unary_stream_rpc_method_handler(self.forever),
        }
        return kinds.get(call.method)

    def echo(self, request, context):
        context.send_initial_metadata([("first", "1")])
        context.set_trailing_metadata([("last", "2"), ("blob-bin", b"\0\1\xff")])
        return request

    def fail(self, request, context):
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "no: größer")

    def count(self, request, context):
        for n in range(int(request)):
            yield str(n).encode()

    def sum(self, requests, context):
        return str(sum(len(one) for one in requests)).encode()

    def chat(self, requests, context):
        for one in requests:
            yield one[::-1]

    def forever(self, request, context):
        context.add_callback(self.cancelled.set)
        while context.is_active():
            yield b"x" * 1000
            time.sleep(0.05)


@pytest.fixture
def service():
    made = Service()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(32), options=[("grpc.max_receive_message_length", -1)])
    server.add_generic_rpc_handlers((made,))
    made.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield made
    server.stop(None)


def channel(edge, port):
    return grpc.secure_channel(f"ipv4:127.0.0.1:{edge.port}", grpc.ssl_channel_credentials(edge.ca.read_bytes()), options=[
        ("grpc.ssl_target_name_override", edge.host(port)), ("grpc.default_authority", edge.host(port)), ("grpc.max_receive_message_length", -1)])


def test_calls(edge, service):
    proxy = edge({service.port: {"protocol": "h2c"}})
    with channel(proxy, service.port) as to:
        answer, call = to.unary_unary("/t/Echo").with_call(b"hi", metadata=[("mine", "yes")], timeout=10)
        assert answer == b"hi" and ("first", "1") in list(call.initial_metadata())
        assert ("last", "2") in list(call.trailing_metadata()) and ("blob-bin", b"\0\1\xff") in list(call.trailing_metadata())
        big = bytes(20_000_000)
        assert to.unary_unary("/t/Echo")(big, timeout=30) == big
        assert to.unary_unary("/t/Echo")(b"", timeout=10) == b""
        with pytest.raises(grpc.RpcError) as error:
            to.unary_unary("/t/Fail")(b"", timeout=10)
        assert error.value.code() is grpc.StatusCode.FAILED_PRECONDITION and error.value.details() == "no: größer"
        with pytest.raises(grpc.RpcError) as error:
            to.unary_unary("/t/None")(b"", timeout=10)
        assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED
        assert len(list(to.unary_stream("/t/Count")(b"5000", timeout=30))) == 5000
        assert to.stream_unary("/t/Sum")(iter([b"x" * 100_000] * 300), timeout=30) == b"30000000"
        # Turn by turn: nothing may wait for more.
        turn = threading.Semaphore(1)

        def questions():
            for n in range(100):
                turn.acquire(timeout=10)
                yield f"q{n}".encode()

        answers = []
        for one in to.stream_stream("/t/Chat")(questions(), timeout=30):
            answers.append(one)
            turn.release()
        assert answers == [f"q{n}".encode()[::-1] for n in range(100)]
        calls = [to.unary_unary("/t/Echo").future(str(n).encode(), timeout=30) for n in range(300)]
        assert [one.result() for one in calls] == [str(n).encode() for n in range(300)]
    assert proxy.metric("porthole_upstream_connections_open") <= 4


def test_leaving(edge, service):
    proxy = edge({service.port: {"protocol": "h2c"}})
    with channel(proxy, service.port) as to:
        with pytest.raises(grpc.RpcError) as error:
            list(to.unary_stream("/t/Forever")(b"", timeout=1))
        assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert service.cancelled.wait(3)
        service.cancelled.clear()
        call = to.unary_stream("/t/Forever")(b"")
        next(call)
        call.cancel()
        assert service.cancelled.wait(3)


def test_nothing_listens(edge):
    port = free_port()
    proxy = edge({port: {"protocol": "h2c"}})
    with channel(proxy, port) as to, pytest.raises(grpc.RpcError) as error:
        to.unary_unary("/t/Echo")(b"", timeout=10)
    # gRPC's own reading of a 502 (doc/http-grpc-status-mapping.md).
    assert error.value.code() is grpc.StatusCode.UNAVAILABLE
