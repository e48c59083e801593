"""A control API that answers as a test tells it, for the command line's tests."""

import http.server
import json
import socketserver
import ssl
import sys
import threading
import urllib.parse


class Request:
    def __init__(self, handler, body):
        self.method = handler.command
        self.target = handler.path
        split = urllib.parse.urlsplit(handler.path)
        self.path = split.path
        self.query = dict(urllib.parse.parse_qsl(split.query, keep_blank_values=True))
        self.headers = handler.headers
        self.body = body
        self.client = handler.client_address

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.method} {self.target}"


class Answer:
    """`body` is a value to send as JSON, or bytes; `pieces` yields bytes that go out one by one as chunks."""

    def __init__(self, body=None, status=200, headers=None, pieces=None, cut=False, type="application/json"):
        self.status = status
        self.headers = headers or {}
        self.pieces = pieces
        self.cut = cut
        self.type = type
        self.body = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()


def problem(status, word, detail, headers=None, **members):
    stage, code = word.split("/")
    body = {"type": f"urn:porthole:error:{stage}:{code}", "title": code, "status": status, "detail": detail,
            "error": word, "requestId": "01JDREQUEST", **members}
    return Answer(body, status, {"Porthole-Error": word, **(headers or {})}, type="application/problem+json")


def event(type, data, id=None):
    lines = [f"id: {id}"] if id is not None else []
    return ("\n".join(lines + [f"event: {type}", f"data: {json.dumps(data)}"]) + "\n\n").encode()


def stream(*pieces, **keywords):
    return Answer(b"", pieces=iter(pieces), type="text/event-stream", **keywords)


class FakeAPI:
    """`answers` maps "METHOD /path" to an Answer, a value for JSON, or a function of the request that gives one."""

    def __init__(self, answers=None, tls=None):
        self.answers = dict(answers or {})
        self.requests = []
        self.errors = []
        self.gone = threading.Event()
        self._lock = threading.Lock()
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def _body(self):
                if self.headers.get("Transfer-Encoding") == "chunked":
                    body = b""
                    while size := int(self.rfile.readline(), 16):
                        body += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                    return body
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))

            def _do(self):
                api._serve(self)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _do

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                # A client that has gone, or did not trust us, is none of our mistakes.
                if not isinstance(sys.exception(), OSError):
                    api.errors.append(sys.exception())

        self._server = Server(("127.0.0.1", 0), Handler)
        self.scheme = "https" if tls else "http"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def request(self):
        """The one there was."""
        assert len(self.requests) == 1, self.requests
        return self.requests[0]

    def _find(self, request):
        key = f"{request.method} {request.path}"
        if key not in self.answers:
            return problem(404, "route/not-found", f"{key} is not here.")
        answer = self.answers[key]
        if callable(answer):
            answer = answer(request)
        return answer if isinstance(answer, Answer) else Answer(answer)

    def _serve(self, handler):
        early = self.answers.get("early")
        request = Request(handler, b"" if early else handler._body())
        with self._lock:
            self.requests.append(request)
        answer = early or self._find(request)
        handler.send_response(answer.status)
        if answer.status != 204:
            handler.send_header("Content-Type", answer.type)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        handler.close_connection = True
        if answer.pieces is None:
            handler.send_header("Content-Length", str(len(answer.body) + (1 if answer.cut else 0)))
            handler.end_headers()
            handler.wfile.write(answer.body)
            return
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        try:
            for piece in answer.pieces:
                handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                handler.wfile.flush()
            if not answer.cut:
                handler.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.gone.set()


def tls_context(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
