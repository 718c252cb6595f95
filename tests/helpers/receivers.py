"""Loopback receivers of alerts: an HTTP server and a mail server that can be taken down."""

import json
import socketserver
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Request:
    """One request as it came in."""

    method: str
    path: str
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class HttpReceiver:
    """Answers with `status`, or hangs while `hold` is cleared; `headers` go with each answer."""

    def __init__(self, port=0):
        self.status = 200
        self.answer = b"{}"
        self.headers = {}
        self.requests = []
        self.arrived = threading.Event()
        self.delay_s = 0.0
        self.breaks_off = False  # takes it, and closes the connection without an answer
        self.hold = threading.Event()
        self.hold.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def _take(self):
                size = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(size)
                if len(body) < size:
                    return  # whoever sent it died in the middle: nobody would take that
                receiver.requests.append(Request(self.command, self.path, dict(self.headers), body))
                receiver.arrived.set()
                receiver.hold.wait(20)
                time.sleep(receiver.delay_s)
                if receiver.breaks_off:
                    self.close_connection = True
                    return
                self.send_response(receiver.status)
                for name, text in receiver.headers.items():
                    self.send_header(name, text)
                self.send_header("Content-Length", str(len(receiver.answer)))
                self.end_headers()
                self.wfile.write(receiver.answer)

            do_POST = do_GET = _take  # noqa: N815 - the library's names

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, *_):
                pass  # whoever gave up waiting

        self._server = Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/hook"

    def keys(self):
        """Return the keys of our own webhooks in the order of their arrival."""
        return [request.json["key"] for request in self.requests]

    def close(self):
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Mail:
    """One mail as it came in."""

    sender: str
    recipients: list = field(default_factory=list)
    data: str = ""


class _MailHandler(socketserver.StreamRequestHandler):
    """One connection of a mail client."""

    def handle(self):
        self.receiver = self.server.receiver
        self.mail = Mail("")
        self.say("220 here")
        while line := self.rfile.readline().decode().strip():
            word = line.split(" ", 1)[0].upper()
            answer = self.receiver.refuse.get(word) or self.answer(word, line)
            if not answer:
                return
            self.say(answer)

    def answer(self, word, line):
        if word == "EHLO":
            return "250-here\r\n250 AUTH PLAIN"
        if word == "AUTH":
            self.receiver.logins.append(line)
            return "235 in"
        if word == "MAIL":
            self.mail = Mail(line)
        if word == "RCPT":
            self.mail.recipients.append(line)
        if word == "DATA":
            self.say("354 go on")
            return self.take()
        return "250 ok"

    def take(self):
        lines = []
        while (text := self.rfile.readline().decode()) != ".\r\n":
            if not text:
                return ""  # whoever sent it died in the middle
            lines.append(text)
        self.mail.data = "".join(lines)
        self.receiver.mails.append(self.mail)
        self.receiver.arrived.set()
        self.receiver.hold.wait(20)
        return "" if self.receiver.breaks_off else self.receiver.refuse.get("BODY", "250 taken")

    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())


class MailReceiver:
    """Speaks as much SMTP as a client needs. `refuse` answers a command with another line."""

    def __init__(self, port=0):
        self.mails = []
        self.logins = []
        self.refuse = {}
        self.breaks_off = False
        self.arrived = threading.Event()
        self.hold = threading.Event()
        self.hold.set()

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True
            receiver = self

            def handle_error(self, *_):
                pass

        self._server = Server(("127.0.0.1", port), _MailHandler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()
