"""docker-registry: blobs in one piece, in pieces, and chunked; and skopeo as a client that follows `Location`."""
import hashlib
import json
import os
import socket
import subprocess
import tarfile
import threading

import httpx
import pytest

from edge import free_port, need


@pytest.fixture
def registry(edge, start, folder):
    need("docker-registry")
    port = free_port()
    (folder / "registry.yml").write_text(f"""
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}/blobs}}}}
http: {{addr: "127.0.0.1:{port}"}}
""")
    start("docker-registry", ["docker-registry", "serve", "registry.yml"]).ready(port)
    return edge(), port


@pytest.mark.parametrize("http2", [False, True])
def test_blobs(registry, http2):
    edge, port = registry
    blob = os.urandom(30_000_000)
    digest = "sha256:" + hashlib.sha256(blob).hexdigest()
    with httpx.Client(verify=edge.context(("h2", "http/1.1") if http2 else ("http/1.1",)), http2=http2, timeout=60, base_url=edge.url(port, "")) as http:
        def begin():
            answer = http.post("/v2/me/blobs/uploads/")
            assert answer.status_code == 202
            # The registry builds it from Host and X-Forwarded-Proto.
            assert answer.headers["location"].startswith(edge.url(port, "/v2/"))
            return answer.headers["location"]

        def put(location, **more):
            return http.put(httpx.URL(location).copy_merge_params({"digest": digest}), **more)

        assert put(begin(), content=blob, headers={"content-type": "application/octet-stream"}).status_code == 201
        assert http.head(f"/v2/me/blobs/{digest}").headers["content-length"] == str(len(blob))
        assert http.get(f"/v2/me/blobs/{digest}").content == blob
        part = http.get(f"/v2/me/blobs/{digest}", headers={"range": "bytes=10-19"})
        assert part.status_code == 206 and part.content == blob[10:20]
        assert http.delete(f"/v2/me/blobs/{digest}").status_code in (202, 405)
        # In pieces with Content-Range, then chunked without a length, which is what docker does.
        location, at = begin(), 0
        for size in (1, 10_000_000, 7_654_321):
            answer = http.patch(location, content=blob[at:at + size], headers={"content-range": f"{at}-{at + size - 1}", "content-type": "application/octet-stream"})
            assert answer.status_code == 202, answer.text
            at += size
            assert answer.headers["range"] == f"0-{at - 1}"
            location = answer.headers["location"]
        answer = http.patch(location, content=iter([blob[at:at + 5_000_000], blob[at + 5_000_000:]]), headers={"content-type": "application/octet-stream"})
        assert answer.status_code == 202, answer.text
        assert put(answer.headers["location"]).status_code == 201
        wrong = http.put(httpx.URL(begin()).copy_merge_params({"digest": digest}), content=b"something else")
        assert wrong.status_code == 400 and "porthole-error" not in wrong.headers


def tunnel(port):
    """A proxy for CONNECT that takes every name to this machine: Go's resolver does not know *.localhost."""
    server = socket.create_server(("127.0.0.1", 0))

    def pump(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def serve(client):
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(65536)
        there = socket.create_connection(("127.0.0.1", int(head.split()[1].rsplit(b":", 1)[1])))
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        threading.Thread(target=pump, args=(client, there), daemon=True).start()
        pump(there, client)

    def accept():
        while True:
            threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return server.getsockname()[1]


def test_skopeo_copies_an_image(registry, folder):
    need("skopeo")
    edge, port = registry
    image = folder / "image"
    blobs = image / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def blob(data):
        name = hashlib.sha256(data).hexdigest()
        (blobs / name).write_bytes(data)
        return {"digest": f"sha256:{name}", "size": len(data)}

    (folder / "file").write_bytes(os.urandom(40_000_000))
    with tarfile.open(folder / "layer.tar", "w") as tar:
        tar.add(folder / "file", "file")
    data = (folder / "layer.tar").read_bytes()
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar", **blob(data)}
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", **blob(json.dumps({
        "architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}).encode())}
    manifest = {"mediaType": "application/vnd.oci.image.manifest.v1+json", **blob(json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": [layer]}).encode())}
    (image / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [{**manifest, "annotations": {"org.opencontainers.image.ref.name": "v1"}}]}))
    (image / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    name = f"docker://{edge.host(port)}:{edge.port}/me/image:v1"
    environment = {**os.environ, "HTTPS_PROXY": f"http://127.0.0.1:{tunnel(edge.port)}", "SSL_CERT_FILE": str(edge.ca), "HOME": str(folder)}

    def skopeo(*arguments):
        got = subprocess.run(["skopeo", "--insecure-policy", *arguments], env=environment, capture_output=True, text=True, timeout=120)
        assert got.returncode == 0, got.stderr
        return got.stdout

    skopeo("copy", "--preserve-digests", f"oci:{image}:v1", name)
    assert layer["digest"] in skopeo("inspect", "--raw", name)
    skopeo("copy", "--preserve-digests", name, f"oci:{folder}/back:v1")
    assert (folder / "back" / "blobs" / "sha256" / layer["digest"][7:]).read_bytes() == data
