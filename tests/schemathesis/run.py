"""Holds the built server to its own OpenAPI document, with a user's and with an admin's token.

Usage: run.py SERVER [CASES]

SERVER is the binary. CASES is how many cases each operation gets (default 4, with a fixed seed: a minute or two; 130 are more than
10,000 cases for each token). Each token has a server of its own, on SQLite in a folder that goes at the end. Every check of
schemathesis is on; schemathesis.toml says what it cannot know. The code is 1 when anything was found.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from seed import seed

HERE = Path(__file__).parent
SECONDS = 3600
SECRET = "a secret of these tests, shared with nobody"


class Server:
    """The server, in a folder of its own."""

    def __init__(self, binary, folder):
        settings = {
            "TEBDIL_DATA_DIR": folder,
            "TEBDIL_HTTP__LISTEN": "127.0.0.1:0",
            "TEBDIL_METRICS__LISTEN": "",
            "TEBDIL_RELAY__LISTEN": "127.0.0.1:0",
            "TEBDIL_AUTH__BCRYPT_COST": "4",
            "TEBDIL_AUTH__HASH_QUEUE": "1000",
            "TEBDIL_AUTH__ACCESS_TTL_S": "86400",
            "TEBDIL_LIMITS__ENABLED": "false",
            "TEBDIL_BILLING__WEBHOOK_SECRETS": SECRET,
            "TEBDIL_LOG": "error",
        }
        clean = {name: value for name, value in os.environ.items() if not name.startswith("TEBDIL_")}
        self.binary, self.environment = binary, clean | settings
        self.process = subprocess.Popen([binary], env=self.environment, cwd=folder, stdout=subprocess.PIPE, text=True)
        # Its first line ends with the address.
        line = self.process.stdout.readline()
        self.url = line.split()[-1] if line else ""
        if not self.url.startswith("http://127.0.0.1:"):
            self.close()
            raise SystemExit(f"{binary} did not start: {line}")
        # A full pipe would stop it.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def admin(self, *arguments):
        """Runs `tebdil admin` on its database."""
        subprocess.run([self.binary, "admin", *arguments], env=self.environment, check=True, stdout=subprocess.DEVNULL)

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def run(binary, role, cases):
    """Whether the document holds for one who has `role`."""
    with tempfile.TemporaryDirectory(prefix="tebdil-schemathesis-", ignore_cleanup_errors=True) as folder:
        server = Server(binary, folder)
        try:
            state = Path(folder, "state.json")
            state.write_text(json.dumps(seed(server, role) | {"billing_secret": SECRET}))
            print(f"schemathesis as {role}, {cases} cases for each operation", flush=True)
            arguments = ["--checks", "all", "--seed", "12", "--max-examples", str(cases), "--no-color", "--continue-on-failure"]
            command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml")]
            environment = os.environ | {
                "TEBDIL_SCHEMATHESIS_STATE": str(state),
                "SCHEMATHESIS_HOOKS": str(HERE / "hooks.py"),
                "PYTHONPATH": str(HERE),
                "PYTHONDONTWRITEBYTECODE": "1",
            }
            tool = subprocess.run(
                command + ["run", f"{server.url}/openapi.json"] + arguments, env=environment, cwd=folder, timeout=SECONDS, check=False
            )
            alive = server.process.poll() is None
            if not alive:
                print(f"the server ended with {server.process.returncode}", flush=True)
            return tool.returncode == 0 and alive
        finally:
            server.close()


def main():
    binary, cases = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 4
    # A signal ends the server too, and removes the folder.
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, lambda number, _: sys.exit(128 + number))
    outcomes = [run(binary, role, cases) for role in ("user", "admin")]
    sys.exit(0 if all(outcomes) else 1)


if __name__ == "__main__":
    main()
