"""People and things for the cases to find: accounts, a match with messages, a report, a ban with its appeal token, ads and more."""

import base64
import itertools
import json
import os
import socket
import struct
from urllib.parse import urlsplit

import requests

PASSWORD = "yağmur yağıyor, dışarıda"
_numbers = itertools.count(1)
# In each process other numbers: the tool registers people too.
_block = os.getpid() % 1000


def call(url, method, path, token=None, body=None):
    """A call that has to succeed; its answer."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = requests.request(method, url + path, headers=headers, json=body, timeout=30)
    if not answer.ok:
        raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text}")
    return answer.json() if answer.content else None


def register(url, alias):
    """A new account, as `(phone, id, access token)`."""
    number = next(_numbers)
    phone = f"+90530{_block:03}{number:04}"
    body = {"phone": phone, "password": PASSWORD, "alias": alias, "birth_date": "1990-01-01", "accept_terms": True}
    made = call(url, "POST", "/v1/auth/register", body=body)
    return phone, made["user"]["id"], made["tokens"]["access_token"]


class WebSocket:
    """As much of RFC 6455 as two people need to be matched."""

    def __init__(self, url):
        place = urlsplit(url)
        self.line = socket.create_connection((place.hostname, place.port), timeout=30)
        key = base64.b64encode(os.urandom(16)).decode()
        head = (
            f"GET /v1/ws HTTP/1.1\r\nHost: {place.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: tebdil.v1\r\n\r\n"
        )
        self.line.sendall(head.encode())
        self.rest = self.line.makefile("rb")
        if b" 101 " not in self.rest.readline():
            raise RuntimeError("no WebSocket")
        while self.rest.readline().strip():
            pass

    def send(self, frame):
        text, mask = json.dumps(frame).encode(), os.urandom(4)
        size = bytes([0x80 | len(text)]) if len(text) < 126 else bytes([0x80 | 126]) + struct.pack(">H", len(text))
        self.line.sendall(b"\x81" + size + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(text)))

    def until(self, kind):
        """The next frame of this type."""
        while True:
            first, second = self.rest.read(2)
            size = second & 0x7F
            if size > 125:
                size = struct.unpack(">H" if size == 126 else ">Q", self.rest.read(2 if size == 126 else 8))[0]
            text = self.rest.read(size)
            if first & 0x0F == 8:
                raise RuntimeError(f"closed: {text[2:]}")
            if first & 0x0F == 1:
                frame = json.loads(text)
                if frame["type"] == kind:
                    return frame
                if frame["type"] == "error":
                    raise RuntimeError(f"refused: {frame}")

    def close(self):
        self.rest.close()
        self.line.close()


def matched(url, tokens):
    """Has two people matched, and one write to the other; the id of their match."""
    sockets = []
    for token in tokens:
        call(url, "PUT", "/v1/keys", token, {"packages": ["AAAA", "AAAB"], "last_resort": "AAAC"})
        one = WebSocket(url)
        one.send({"type": "hello", "token": token})
        one.until("welcome")
        one.send({"type": "match.find", "mode": "text"})
        sockets.append(one)
    found = [one.until("match.found")["match"]["id"] for one in sockets]
    for one in sockets:
        for seq in range(1, 4):
            one.send({"type": "message.send", "match_id": found[0], "seq": seq, "kind": "content", "ciphertext": "AAAA"})
            one.until("message.accepted")
        one.close()
    return found[0]


def seed(server, role):
    """Fills the server, and returns what the tool has to know. Whoever it acts as has `role`."""
    url = server.url
    phone, own_id, token = register(url, "kedi")
    admin_phone, _, admin = register(url, "selin")
    server.admin("grant", admin_phone, "--role", "admin")
    others = [register(url, f"deniz{number}") for number in range(4)]
    matches = [matched(url, [token, other[2]]) for other in others[:3]]
    call(url, "POST", "/v1/reports", token, {"match_id": matches[1], "reason": "spam", "note": "Reklam"})
    call(url, "POST", "/v1/blocks", token, {"match_id": matches[2]})
    call(url, "POST", "/v1/referrals", token, {"phone": "+905309999999"})
    call(url, "POST", f"/v1/admin/users/{own_id}/quota", admin, {"bucket": "bonus", "amount": 5, "reference": "T-1"})
    call(url, "POST", "/v1/admin/announcements", admin, {"tr": "Merhaba", "en": "Hello"})
    for title in ("Çay", "Simit"):
        call(url, "POST", "/v1/admin/ads", admin, {"title": title, "content": "Sıcak", "click_url": "https://x.example/a"})
    call(url, "POST", f"/v1/admin/users/{others[0][1]}/subscription", admin, {"plan": "monthly"})
    # Somebody who is banned and may appeal.
    banned_phone, banned_id, _ = others[3]
    call(url, "POST", f"/v1/admin/users/{banned_id}/ban", admin, {"reason": "Reklam"})
    refused = requests.post(f"{url}/v1/auth/login", json={"phone": banned_phone, "password": PASSWORD}, timeout=30).json()
    if role == "admin":
        server.admin("grant", phone, "--role", "admin")
    return {
        "url": url,
        "phone": phone,
        "token": token,
        "appeal_token": refused["appeal_token"],
        "role": role,
        "matches": matches,
    }
