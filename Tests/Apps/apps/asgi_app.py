"""What uvicorn serves: event stream, WebSockets, uploads; it counts what is open, so that an abort can be seen."""
import asyncio
import hashlib
import json
import time

open_streams = 0
uploads = 0
seen = {}

PAGE = b"""<!doctype html><title>app</title><h1>app</h1><pre id=out></pre><progress id=bar max=1 value=0></progress>
<form id=form><input type=file id=file></form>"""


async def respond(send, body, kind=b"application/json", status=200):
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind), (b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})


async def gone(receive):
    while (await receive())["type"] != "http.disconnect":
        pass


async def stream(scope, receive, send):
    global open_streams
    open_streams += 1
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]})
    watch = asyncio.create_task(gone(receive))
    try:
        number = 0
        while not watch.done():
            await send({"type": "http.response.body", "body": f"id: {number}\ndata: {time.time()}\n\n".encode(), "more_body": True})
            number += 1
            await asyncio.wait({watch}, timeout=0.25)
    finally:
        open_streams -= 1


async def upload(scope, receive, send):
    global uploads
    uploads += 1
    digest, size, began = hashlib.sha256(), 0, time.monotonic()
    try:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            part = message.get("body", b"")
            digest.update(part)
            size += len(part)
            if scope["path"] == "/slow-upload":
                await asyncio.sleep(0.01)
            if not message.get("more_body"):
                break
    finally:
        uploads -= 1
    await respond(send, json.dumps({"size": size, "sha256": digest.hexdigest(), "seconds": time.monotonic() - began}).encode())


async def websocket(scope, receive, send):
    global open_streams
    await receive()
    protocols = scope["subprotocols"]
    await send({"type": "websocket.accept", "subprotocol": protocols[-1] if protocols else None})
    open_streams += 1
    try:
        if scope["path"] == "/ws/goodbye":
            await send({"type": "websocket.close", "code": 4321, "reason": "goodbye"})
            return
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                seen["close"] = message.get("code")
                return
            if message.get("text") is not None:
                await send({"type": "websocket.send", "text": message["text"]})
            else:
                await send({"type": "websocket.send", "bytes": message["bytes"]})
    finally:
        open_streams -= 1


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    if scope["type"] == "websocket":
        return await websocket(scope, receive, send)
    path = scope["path"]
    if path == "/sse":
        return await stream(scope, receive, send)
    if path in ("/upload", "/slow-upload"):
        return await upload(scope, receive, send)
    if path == "/open":
        return await respond(send, json.dumps({"streams": open_streams, "uploads": uploads, **seen}).encode())
    if path == "/headers":
        return await respond(send, json.dumps([[k.decode("latin1"), v.decode("latin1")] for k, v in scope["headers"]]).encode())
    if path.startswith("/bytes/"):
        left = int(path[7:])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(left).encode())]})
        while left > 0:
            part = bytes(min(left, 1 << 16))
            left -= len(part)
            await send({"type": "http.response.body", "body": part, "more_body": left > 0})
        return
    if path == "/":
        return await respond(send, PAGE, b"text/html")
    await respond(send, b"{}", status=404)
