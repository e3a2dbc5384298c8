"""A gateway that takes the program's own requests, recomputes each signature with an official signer from the
bytes received, and passes what holds on to the sandbox, byte for byte.

verify.py SANDBOX-LINE-FILE PROGRAM VENDOR
"""

import http.client
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading

from cases import Cases, Sandbox, holds, same

sandbox = Sandbox.of_file(sys.argv[1])
program, vendor = os.path.abspath(sys.argv[2]), sys.argv[3]
official = __import__(f"verify_{vendor}")
cases = Cases(f"{vendor} verifies")


class Gateway(http.server.BaseHTTPRequestHandler):
    """Verifies, then proxies with the Host header that was received."""

    protocol_version = "HTTP/1.1"
    verified, wrong, signed_calls = [], [], set()
    lock = threading.Lock()

    def log_message(self, *_):
        pass

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {}
        for name, value in self.headers.items():
            # Two headers of one name would leave open which of them was signed.
            headers[name.lower()] = value if name.lower() not in headers else None
        path, _, query = self.path.partition("?")
        try:
            call = official.check(sandbox.credentials, self.command, path, query, headers, body)
            with self.lock:
                self.verified.append(call)
        except Exception as why:
            with self.lock:
                self.wrong.append(f"{self.command} {self.path}: {type(why).__name__}: {why}")
        connection = http.client.HTTPConnection(sandbox.authority, timeout=30)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        content = answer.read()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        connection.close()

    do_GET = do_POST = do_PUT = do_DELETE = handle_any


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
threading.Thread(target=server.serve_forever, daemon=True).start()
home = tempfile.TemporaryDirectory()


def run(*arguments, wanted=0, credentials=None):
    """Runs the program against the gateway; every request that it sends must verify, and there must be one."""
    before = len(Gateway.verified)
    environment = {"HOME": home.name, "XDG_STATE_HOME": home.name, "PATH": os.environ["PATH"]}
    environment.update(sandbox.credentials if credentials is None else credentials)
    address = f"http://127.0.0.1:{server.server_port}"
    command = [program, *arguments, "--endpoint", address, "-o", "json", "--no-input"]
    ended = subprocess.run(command, env=environment, cwd=home.name, capture_output=True, text=True, timeout=120)
    same(Gateway.wrong, [])
    if ended.returncode != wanted:
        raise AssertionError(f"exit {ended.returncode}: {ended.stderr} {ended.stdout}")
    calls = Gateway.verified[before:]
    holds(calls, f"no request came: {ended.stderr}")
    return json.loads(ended.stdout), calls


def reinstalled(report, count=1):
    same([target["verdict"] for target in report["targets"]], ["succeeded"] * count)
    same([target["orders_sent"] for target in report["targets"]], [1] * count)


official.cases(cases.case, run, reinstalled, sandbox, home.name)


@cases.case
def a_wrong_secret_is_noticed():
    product = {"jdcloud": "jdcloud-cps", "zenlayer": "zenlayer-bmc", "huawei": "huawei-ecs"}[vendor]
    spoilt = {**sandbox.credentials, official.SECRET: "wrong"}
    try:
        run("list", "-p", product, credentials=spoilt, wanted=6)
    except AssertionError:
        holds(Gateway.wrong, "the gateway has not noticed")
        Gateway.wrong.clear()
    else:
        raise AssertionError("it verified")


total = len(Gateway.verified)
print(f"   {vendor}: {total} requests of the program verified, {len(set(Gateway.verified))} different calls")
server.shutdown()
cases.end()
