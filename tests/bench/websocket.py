"""The least of a WebSocket client: text that comes, in any pieces."""

import base64
import os
import socket
import struct


class WebSocket:
    def __init__(self, address, port, path, seconds=10):
        self._socket = socket.create_connection((address, port), seconds)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16)).decode()
        head = f"GET {path} HTTP/1.1\r\nHost: {address}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self._socket.sendall(f"{head}Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        self._bytes = b""
        while b"\r\n\r\n" not in self._bytes:
            self._receive()
        answer, self._bytes = self._bytes.split(b"\r\n\r\n", 1)
        assert b" 101 " in answer.split(b"\r\n")[0], answer.decode(errors="replace")

    def read_until(self, words):
        """Frames, pings too, until one has these words."""
        while words not in self._read_frame():
            pass

    def close(self):
        self._socket.close()

    def _receive(self):
        piece = self._socket.recv(65536)
        assert piece, "the WebSocket was closed"
        self._bytes += piece

    def _take(self, size):
        while len(self._bytes) < size:
            self._receive()
        taken, self._bytes = self._bytes[:size], self._bytes[size:]
        return taken

    def _read_frame(self):
        size = self._take(2)[1] & 0x7F
        if size == 126:
            size = struct.unpack("!H", self._take(2))[0]
        elif size == 127:
            size = struct.unpack("!Q", self._take(8))[0]
        return self._take(size)
