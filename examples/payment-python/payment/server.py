"""The internal listener: contract calls, probes, and what other processes forward."""

import json
import logging
import socket
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from payment.http import Answer, Request, problem
from payment.refusal import Refusal

LARGEST_CALL, LARGEST_BODY = 4 * 1024 * 1024, 64 * 1024

log = logging.getLogger("payment")


class TooLarge(Exception):
    """A body that is not read to its end."""


class Server(ThreadingHTTPServer):
    """A thread for each connection: the other processes of a shop keep a few open."""

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, address: tuple[str, int], rpc, routes):
        self.rpc, self.routes = rpc, routes
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, Handler)


class Handler(BaseHTTPRequestHandler):
    """A connection."""

    protocol_version = "HTTP/1.1"
    # Longer than any other process keeps an idle connection, so that none is closed under a request.
    timeout = 75
    # An answer leaves in one piece, and at once.
    wbufsize = -1
    disable_nagle_algorithm = True

    def _serve(self):
        path, _, query = self.path.partition("?")
        request_id = self.headers.get("x-request-id") or str(uuid.uuid4())
        try:
            body = self._body(LARGEST_CALL if path.startswith("/rpc/") else LARGEST_BODY)
            request = Request(self.command, path, query, self.headers, body, request_id)
            answer = self._answer(request)
        except TooLarge:
            request = Request(self.command, path, query, self.headers, b"", request_id)
            answer = problem(request, Refusal("body_too_large", "The body is too large"))
            self.close_connection = True
        except ValueError:
            request = Request(self.command, path, query, self.headers, b"", request_id)
            answer = problem(request, Refusal("bad_request", "The body broke off"))
            self.close_connection = True
        self._send(request, answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve

    def _answer(self, request: Request) -> Answer:
        match request.path.split("/")[1:]:
            case ["livez"]:
                return Answer(204)
            case ["readyz"]:
                return Answer.json(200, {"ready": True})
            case ["version"]:
                return Answer.json(200, {"name": "payment-python", "version": "0.1.0"})
            case ["rpc", contract] if request.method == "GET":
                return self.server.rpc.describe(contract)
            case ["rpc", contract, method] if request.method == "POST":
                return self.server.rpc.serve(request, contract, method)
        try:
            return self.server.routes.answer(request)
        except Refusal as refusal:
            return problem(request, refusal)
        except Exception:
            log.exception("a request broke: %s", request.id)
            return problem(request, Refusal("internal", "Something went wrong on our side"))

    def _body(self, most: int) -> bytes:
        if "chunked" in (self.headers.get("transfer-encoding") or "").lower():
            return self._pieces(most)
        length = _size(self.headers.get("content-length") or "0", 10)
        if length > most:
            raise TooLarge
        return self._exactly(length)

    def _pieces(self, most: int) -> bytes:
        body = b""
        while size := _size(self.rfile.readline(64).split(b";")[0].strip().decode(), 16):
            if len(body) + size > most:
                raise TooLarge
            body += self._exactly(size)
            self.rfile.readline(4)
        while self.rfile.readline(1024).strip():
            pass
        return body

    def _exactly(self, length: int) -> bytes:
        read = self.rfile.read(length)
        if len(read) < length:
            raise ValueError("the body broke off")
        return read

    def _send(self, request: Request, answer: Answer):
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("content-length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        if request.method != "HEAD":
            self.wfile.write(answer.body)
        self.wfile.flush()

    def log_message(self, format, *args):
        log.debug(format, *args)


def _size(text: str, base: int) -> int:
    if not text.isalnum():
        raise ValueError(f"{text!r} is no length")
    return int(text, base)


def announce(address: tuple[str, int]):
    """Says on standard output that it is open, for whoever started it."""
    print(json.dumps({"event": "open", "internal": f"{address[0]}:{address[1]}"}), flush=True)


def serve_until(server: Server, stopping: threading.Event):
    """Serves until told to stop."""
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    stopping.wait()
    server.shutdown()
