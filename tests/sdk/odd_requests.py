"""Odd requests, signed by an official signer and by `reinstall sign`.

odd_requests.py sign VENDOR SEED COUNT          one line a request: what the official signer of this environment makes
odd_requests.py compare PROGRAM VENDOR SEED COUNT FILE...

The program must agree with the first file's signer, except where official signers are known to differ among themselves:
such requests are counted only.
"""

import json
import os
import random
import re
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl, quote, unquote, urlsplit

LETTERS = "abcXYZ019-._~"
# What may stand bare in a path or query beside letters and digits.
BARE = "!$'()*,;:@/?"
# Stands for "nothing bare, and everything escaped in the usual way": there the signers have no choice.
NEAT = ""
UNICODE = "éß漢字🙂Ω\u00a0"
TEXTS = ["", "plain", "two words", "a+b", "100%", "%41", "x=y", "x&y", "a/b", "a:b", "#?", "\\", "<\">", "{}|^`", UNICODE]


def text_of(dice):
    if dice.random() < 0.6:
        return dice.choice(TEXTS)
    return "".join(dice.choice(LETTERS + BARE + " +%&=/?#" + UNICODE) for _ in range(dice.randint(0, 12)))


def escaped(dice, text, bare, in_path=False):
    """Text as it may stand in an address: what need not be escaped sometimes is, in either case of the digits."""
    if bare is NEAT:
        return quote(text, safe="~")
    never = "/?" if in_path else ""
    out = []
    for character in text:
        escape = quote(character, safe="")
        if character in LETTERS or (character in bare and character not in never and dice.random() < 0.5):
            escape = character if dice.random() < 0.95 else "".join(f"%{byte:02X}" for byte in character.encode())
        out.append(escape.lower() if escape.startswith("%") and dice.random() < 0.2 else escape)
    return "".join(out)


def path_of(dice, neat):
    segments = [text_of(dice) for _ in range(dice.randint(0, 4))]
    # Dots alone are resolved by every HTTP library before anything is signed.
    segments = ["s" + text.replace("/", "_") for text in segments]
    return "/" + "/".join(escaped(dice, text, NEAT if neat else BARE, True) for text in segments) + ("/" if dice.random() < 0.1 else "")


def query_of(dice, neat):
    names = ["name", "filters.1.values.2", "a", "A", "a.b", "a-b", "ä", "limit", "x y", "marker"]
    pieces = []
    for _ in range(dice.choice([0, 1, 1, 2, 3, 6])):
        bare = NEAT if neat else BARE
        name, value = escaped(dice, dice.choice(names), bare), escaped(dice, text_of(dice), bare)
        if not neat and dice.random() < 0.2:
            value = value.replace("%20", "+")
        pieces.append(name if not neat and not value and dice.random() < 0.3 else f"{name}={value}")
    if pieces and dice.random() < 0.2:
        pieces.append(dice.choice(pieces))
    return "&".join(pieces)


def requests_of(vendor, seed, count):
    dice = random.Random(f"{vendor} {seed}")
    start = datetime(2020, 1, 1, tzinfo=timezone.utc)
    for number in range(count):
        neat = dice.random() < 0.5
        query = query_of(dice, neat)
        at = start + timedelta(seconds=dice.randrange(10**9 // 3))
        port = dice.choice(["", "", ":8443", ":18080"])
        headers = {"content-type": dice.choice(["application/json", "application/json;charset=utf-8"])}
        for name in dice.sample(["X-Own", "x-other", "X-With_Underscore", "x-empty"], dice.randint(0, 3)):
            value = dice.choice(["v", "two  blanks", "tab\there", " outer ", "a,b;c=d", "ümlaut", ""])
            headers[name] = "" if name == "x-empty" else value
        body = dice.choice(["", "{}", json.dumps({"a": text_of(dice)}), json.dumps({"a": text_of(dice)}, ensure_ascii=False)])
        yield {
            "number": number,
            "method": dice.choice(["GET", "PUT", "POST", "DELETE"]),
            "url": f"https://api.example.com{port}{path_of(dice, neat)}" + (f"?{query}" if query else ""),
            "headers": headers,
            "body": body,
            "at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "nonce": f"nonce-{dice.getrandbits(64):x}",
            "region": dice.choice(["cn-north-1", "eu-de", "jdcloud-api"]),
            "service": dice.choice(["cps", "vm"]),
        }


KEY = ("AKODDREQUESTS", "secret/with+odd=characters%20~")


def official_jdcloud(request):
    from jdcloud_sdk.core import const
    import verify_jdcloud

    url, newer = request["url"], hasattr(const, "JDCLOUD3")
    if newer:
        # It signs the same way under other labels.
        const.JDCLOUD3, const.JDCLOUD3_ALGORITHM = const.JDCLOUD2, const.JDCLOUD_ALGORITHM
        const.JDCLOUD3_REQUEST = const.JDCLOUD_REQUEST
    date = request["at"].replace("-", "").replace(":", "")
    headers = dict(request["headers"])
    if newer:
        headers.update({const.JDCLOUD_DATE: date, const.JDCLOUD_NONCE: request["nonce"]})
    else:
        # It encodes the path itself.
        url = re.sub(r"^(https://[^/]+)([^?]*)", lambda found: found.group(1) + unquote(found.group(2)), url)
    scope = (request["region"], request["service"])
    return verify_jdcloud.sign(
        *KEY, date, request["nonce"], *scope, request["method"], url, headers, request["body"]
    )["authorization"]


def official_zenlayer(request):
    import verify_zenlayer

    at = datetime.strptime(request["at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    host = urlsplit(request["url"]).netloc
    return verify_zenlayer.sign(
        *KEY, str(int(at.timestamp())), request["method"], host, request["headers"]["content-type"], request["body"]
    )


def official_huawei(request):
    import verify_huawei

    url = urlsplit(request["url"])
    date = request["at"].replace("-", "").replace(":", "")
    headers = {**request["headers"], "host": url.netloc, "x-sdk-date": date}
    body = request["body"].encode()
    return verify_huawei.sign(*KEY, request["method"], url.path, url.query, headers, body)


def contested(url):
    """Whether JD Cloud's own signers are known to differ on this address, so that nothing follows from one of them.

    The newer Python signer drops a name without a value, folds slashes, reads a bare plus in the path as a blank and
    loses what follows a semicolon in the last segment. The Python signers sort after escaping; the provider's page and its
    Rust and Node signers sort before.
    """
    parts = urlsplit(url)
    bare = any(piece and "=" not in piece for piece in parts.query.split("&"))
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    order = sorted(pairs) != sorted(pairs, key=lambda pair: [quote(part, safe="~") for part in pair])
    return bare or order or "//" in parts.path or "+" in parts.path or ";" in parts.path.rsplit("/", 1)[1]


PROVIDERS = {
    "jdcloud": ("jdcloud-cps", "JDCLOUD_ACCESS_KEY_ID", "JDCLOUD_SECRET_ACCESS_KEY"),
    "zenlayer": ("zenlayer-bmc", "ZENLAYER_ACCESS_KEY_ID", "ZENLAYER_ACCESS_KEY_SECRET"),
    "huawei": ("huawei-ecs", "HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"),
}


def ours(program, vendor, request):
    provider, id_name, secret_name = PROVIDERS[vendor]
    asked = {"provider": provider, **{name: value for name, value in request.items() if name != "number"}}
    environment = {"HOME": "/nonexistent", id_name: KEY[0], secret_name: KEY[1]}
    ended = subprocess.run([program, "sign"], input=json.dumps(asked), env=environment, capture_output=True, text=True)
    if ended.returncode:
        return {"refused": ended.stderr}
    return json.loads(ended.stdout)


def compare(program, vendor, seed, count, files):
    columns = []
    for path in files:
        with open(path, encoding="utf-8") as file:
            columns.append([json.loads(line) for line in file])
    agreed = all_agree = differ = failed = 0
    for place, request in enumerate(requests_of(vendor, seed, count)):
        # The first file is the yardstick: older signers escape twice or not at all.
        official = [column[place] for column in columns]
        got = ours(os.path.abspath(program), vendor, request)
        authorization = got.get("headers", {}).get("authorization")
        missing = [name for name in request["headers"] if name.lower() not in got.get("headers", {})]
        if vendor == "jdcloud" and contested(request["url"]):
            differ += 1
            held = authorization is not None
        else:
            agreed += 1
            all_agree += len(set(official)) == 1
            held = authorization == official[0]
        if missing or not held:
            failed += 1
            print(f"FAIL {vendor} odd request {place} of seed {seed}: official {official}, missing headers {missing}, "
                  f"request {json.dumps(request)}, program {json.dumps(got)}"[:1800])
    word = "FAIL" if failed else "ok"
    print(f"{word} {vendor} odd requests, seed {seed}: {agreed} compared ({all_agree} of them with {len(columns)} "
          f"official signers), {differ} on which official signers are known to differ, {failed} wrong")
    return 1 if failed else 0


def main():
    if sys.argv[1] == "sign":
        vendor, seed, count = sys.argv[2], sys.argv[3], int(sys.argv[4])
        signer = globals()[f"official_{vendor}"]
        for request in requests_of(vendor, seed, count):
            print(json.dumps(signer(request)))
        return 0
    program, vendor, seed, count = sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])
    return compare(program, vendor, seed, count, sys.argv[6:])


if __name__ == "__main__":
    sys.exit(main())
