"""What the tool cannot know of the server: who asks, and which texts are phones, names and so on."""

import itertools
import json
import os
import re
import uuid

import schemathesis
from hypothesis import strategies as st
from seed import register

with open(os.environ["TEBDIL_SCHEMATHESIS_STATE"], encoding="utf-8") as file:
    STATE = json.load(file)

# What ends the session it is called with, or its account. Each such call is made by somebody who was registered for it, with the role of a user.
ENDING = {"logout_session", "erase_me", "end_session", "change_password"}

_names = itertools.count()


# Texts with a meaning, which a pattern does not give.
letters = "abcdefghijklmnoprstuvyz"
digits = st.integers(0, 9_999_999)
schemathesis.openapi.format("id", st.integers(1, 2**63 - 1).map(str))
schemathesis.openapi.format("phone", digits.map(lambda number: f"+90535{number:07}"))
schemathesis.openapi.format("alias", st.text(letters, min_size=4, max_size=16).map(lambda name: f"x{name}"))
schemathesis.openapi.format("password", st.text(letters + " ", min_size=10, max_size=50).map(lambda text: f"q{text}7{len(text)}w"))
schemathesis.openapi.format("account-query", st.text(letters, min_size=1, max_size=15))


@schemathesis.auth(refresh_interval=None)
class Bearer:
    """The token of the run, that of the banned user for appeals, and one of somebody new for what ends a session."""

    def get(self, case, context):
        if context.operation.path == "/v1/appeals":
            return STATE["appeal_token"]
        if context.operation.definition.raw.get("operationId") in ENDING:
            return register(STATE["url"], f"gecici{next(_names) % 1_000_000}")[2]
        return STATE["token"]

    def set(self, case, data, context):
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}


@schemathesis.hook
def before_call(context, case, kwargs):
    # A key belongs to one request: the same one with another body is another test's. What is no key stays.
    headers = case.headers or {}
    for name in [name for name in headers if name.lower() == "idempotency-key"]:
        if re.fullmatch("[!-~]{1,255}", str(headers[name])):
            headers[name] = str(uuid.uuid4())
