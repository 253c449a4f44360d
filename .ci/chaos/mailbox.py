"""A mail server that keeps what it is given, and can be told to refuse."""

from __future__ import annotations

import email
import socketserver
import threading
from email.message import Message
from pathlib import Path


class Mailbox:
    """Every mail that was delivered, by SMTP or as a file."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._received: list[bytes] = []
        self.refuses = False
        mailbox = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                mailbox._converse(self)

        if folder is None:
            self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
            self._server.daemon_threads = True
            threading.Thread(target=self._server.serve_forever, daemon=True).start()
            self.port = self._server.server_address[1]

    def messages(self) -> list[Message]:
        """All that came, in no order."""
        if self._folder is None:
            return [email.message_from_bytes(one) for one in list(self._received)]
        return [
            email.message_from_bytes(part)
            for path in sorted(self._folder.glob("*.log"))
            # Django writes a line of dashes after each mail.
            for part in path.read_bytes().split(b"-" * 79 + b"\n")
            if part.strip()
        ]

    def close(self) -> None:
        if self._folder is None:
            self._server.shutdown()

    def _converse(self, handler: socketserver.StreamRequestHandler) -> None:
        def say(line: str) -> None:
            handler.wfile.write(f"{line}\r\n".encode())

        say("220 chaos")
        for line in handler.rfile:
            verb = line[:4].upper().strip()
            if verb == b"QUIT":
                say("221 bye")
                return
            if verb == b"MAIL" and self.refuses:
                say("451 not now")
            elif verb == b"DATA":
                say("354 go on")
                lines: list[bytes] = []
                for part in handler.rfile:
                    if part == b".\r\n":
                        self._received.append(b"".join(lines))
                        break
                    lines.append(part.removeprefix(b".") if part.startswith(b"..") else part)
                else:
                    return  # it died in the middle: nothing was received
                say("250 kept")
            else:
                say("250 yes")
