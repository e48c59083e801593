"""An app that builds absolute URLs and guards against cross-site requests in the ways that apps do: redirects.py PORT."""
import http.server
import json
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path, _, to = self.path.partition("?to=")
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(302 if to else 200)
        if to:
            self.send_header("Location", to.replace("HOST", self.headers["Host"]).replace("PORT", sys.argv[1]))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
