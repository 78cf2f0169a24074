#!/usr/bin/env python3
"""Checks a receipt: that a log recorded what its holder was told.

    verify_receipt.py RECEIPT KEY [WITNESS]…

RECEIPT  file with the receipt
KEY      verifier key of the log, from the organisation by another way than the
         receipt; - takes the one in the receipt, which proves less
WITNESS  verifier keys of witnesses: each of them must have cosigned

Needs Python 3.8 and the openssl command, version 3; nothing else. Prints what
is shown and ends with 0 where everything is right, 1 where something is wrong,
2 where it could not be checked.
"""
import base64, hashlib, json, os, re, subprocess, sys, tempfile, time

MAX_RECEIPT = 1 << 20


class Wrong(Exception):
    """Something that was checked is not right."""


class Unchecked(Exception):
    """Something could not be checked."""


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def node_hash(left, right):
    return sha(b"\x01", left, right)


def want(condition, problem):
    if not condition:
        raise Wrong(problem)


def decode(text, size=None):
    """Bytes of base64 in its one right form."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raise Wrong("%.60r is not base64" % text)
    want(base64.b64encode(raw) == text.encode() and size in (None, len(raw)), "%.60r is not base64 of %s bytes" % (text, size))
    return raw


def number(text):
    want(re.fullmatch("0|[1-9][0-9]{0,18}", text), "%.40r is not a number" % text)
    return int(text)


# Keys and signatures: C2SP signed-note, tlog-checkpoint, tlog-cosignature

LOG, WITNESS = 1, 4  # types of keys


def parse_key(text, kind):
    """Name, id and Ed25519 key of a verifier key of a kind."""
    parts = text.split("+", 2)
    want(len(parts) == 3, "%.80r is not a verifier key" % text)
    name, digits, raw = parts[0], parts[1], decode(parts[2], 33)
    want(raw[0] == kind, "the key of %.80r is of type %d, not %d" % (name, raw[0], kind))
    key_id = sha(name.encode(), b"\n", raw)[:4]
    want(name and key_id.hex() == digits, "the digits of %.80r do not belong to the key" % text)
    return name, key_id, raw[1:]


def check_signature(key, message, signature):
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        # RFC 8410: an Ed25519 key as openssl reads it.
        for name, content in (("key", bytes.fromhex("302a300506032b6570032100") + key), ("message", message), ("signature", signature)):
            paths[name] = os.path.join(folder, name)
            with open(paths[name], "wb") as f:
                f.write(content)
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", paths["key"], "-rawin", "-in", paths["message"], "-sigfile", paths["signature"]]
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        except OSError as e:
            raise Unchecked("openssl cannot be run: %s" % e)
    if done.returncode == 0 and b"Signature Verified Successfully" in done.stdout:
        return True
    if b"Signature Verification Failure" in done.stdout:
        return False
    raise Unchecked("openssl says: %s" % done.stdout.decode("utf-8", "replace").strip())


def open_note(note):
    """Text of a signed note, and its signature lines as name, id, signature."""
    text, gap, tail = note.partition("\n\n")
    want(gap and tail.endswith("\n"), "the checkpoint has no signature")
    lines = []
    for line in tail[:-1].split("\n"):
        parts = line.split(" ")
        want(len(parts) == 3 and parts[0] == "\u2014" and parts[1], "%.80r is not a signature line" % line)
        raw = decode(parts[2])
        want(len(raw) > 4, "%.80r is not a signature line" % line)
        lines.append((parts[1], raw[:4], raw[4:]))
    want(len(lines) <= 64 and len({line[:2] for line in lines}) == len(lines), "the checkpoint has two signatures with one key, or too many")
    return text + "\n", lines


def find(lines, name, key_id):
    for line in lines:
        if line[:2] == (name, key_id):
            return line[2]
    raise Wrong("the checkpoint is not signed by %s" % name)


def check_log(text, lines, key):
    """Size and root of the checkpoint, which the log must have signed."""
    name, key_id, public = key
    parts = text.split("\n")
    want(len(parts) == 4 and parts[0] == name, "the checkpoint is not one of %s" % name)
    signature = find(lines, name, key_id)
    want(len(signature) == 64 and check_signature(public, text.encode(), signature), "the signature of the log is wrong")
    return number(parts[1]), decode(parts[2], 32)


def check_witness(text, lines, key):
    """When a witness saw the checkpoint, in Unix seconds."""
    name, key_id, public = key
    raw = find(lines, name, key_id)
    want(len(raw) == 72, "the cosignature of %s is wrong" % name)
    at = int.from_bytes(raw[:8], "big")
    message = "cosignature/v1\ntime %d\n%s" % (at, text)
    want(at < 1 << 63 and check_signature(public, message.encode(), raw[8:]), "the cosignature of %s is wrong" % name)
    return at


# The tree: RFC 6962

def root_from(leaf, index, size, path):
    """Root that an audit path leads to from a leaf (RFC 9162 §2.1.3.2)."""
    want(index < size, "the entry is not in the tree")
    last, node = size - 1, leaf
    for sibling in path:
        want(last > 0, "the path is too long")
        if index & 1 or index == last:
            node = node_hash(sibling, node)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        index, last = index >> 1, last >> 1
    want(last == 0, "the path is too short")
    return node


def root_over(leaves):
    """Root of a tree over leaves (RFC 6962 §2.1)."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(root_over(leaves[:split]), root_over(leaves[split:]))


# The receipt: docs/FORMAT.md

def parse_receipt(raw):
    want(len(raw) <= MAX_RECEIPT, "the receipt is too long")
    try:
        head, gap, note = raw.decode("utf-8").partition("\n\n")
    except UnicodeDecodeError:
        raise Wrong("the receipt is not text")
    lines = head.split("\n")
    want(gap and len(lines) >= 3 and lines[0] == "c2sp.org/tlog-proof@v1" and lines[1].startswith("extra ") and lines[2].startswith("index "), "this is no receipt")
    path = [decode(line, 32) for line in lines[3:]]
    want(len(path) <= 128, "the path is too long")
    try:
        extra = decode(lines[1][6:]).decode("utf-8").split("\n")
    except UnicodeDecodeError:
        raise Wrong("the extra data are not text")
    want(len(extra) >= 14 and extra[0] == "countersign-receipt/1" and extra[-2:] == ["", ""], "the extra data are not those of a receipt")
    return number(lines[2][6:]), path, note, extra[1], extra[2:11], extra[11:-2]


def check_document(lines, index, commitment):
    """Fields that are shown, and how many are not."""
    want(lines[0] == "entry %d" % index, "the document is not of this entry")
    leaves, shown, last = [], [], ""
    for line in lines[1:]:
        if line.startswith("- "):
            leaves.append(decode(line[2:], 32))
            continue
        parts = line.split(" ", 2)
        want(len(parts) == 3 and parts[1].encode() > last.encode(), "the document is not in its one form")
        salt, name, value = decode(parts[0], 16), parts[1].encode(), parts[2].encode()
        want(len(name) < 1 << 16, "the document is not in its one form")
        leaves.append(sha(b"\x00", salt, len(name).to_bytes(2, "big"), name, value))
        try:
            shown.append((parts[1], json.loads(parts[2])))
        except ValueError:
            raise Wrong("field %.80r is not JSON" % parts[1])
        last = parts[1]
    want(root_over(leaves) == commitment, "the document is not the one that the entry commits to")
    return shown, len(leaves) - len(shown)


def check(raw, log_key, witness_keys):
    """Lines to print."""
    index, path, note, own_key, entry, document = parse_receipt(raw)
    want(log_key in ("-", own_key), "the receipt is of the log %.200s, not of the one that was asked for" % own_key)
    text, lines = open_note(note)
    size, root = check_log(text, lines, parse_key(own_key, LOG))
    seen = [(key[0], check_witness(text, lines, key)) for key in (parse_key(k, WITNESS) for k in witness_keys)]
    leaf = sha(b"\x00", "".join(line + "\n" for line in entry).encode())
    want(root_from(leaf, index, size, path) == root, "the log does not have the entry")
    want(entry[0] == "countersign/1", "the entry is of another version")
    shown, hidden = check_document(document, index, decode(entry[7], 32))
    micros = number(entry[3].split(" ")[-1])
    yield "log      %s" % own_key + (" (taken from the receipt)" if log_key == "-" else "")
    yield "entry    %d of %d" % (index, size)
    yield "time     %s" % instant(micros // 1000000)
    yield "act      %s" % entry[1]
    for name, at in seen:
        yield "witness  %s, %s" % (name, instant(at))
    for name, value in shown:
        yield "fact     %s = %s" % (json.dumps(name), json.dumps(value))
    yield "hidden   %d" % hidden


def instant(seconds):
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(min(seconds, 253402300799)))


def main(arguments):
    if len(arguments) < 2 or arguments[0].startswith("-"):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        with open(arguments[0], "rb") as f:
            raw = f.read(MAX_RECEIPT + 1)
        report = list(check(raw, arguments[1], arguments[2:]))
    except Wrong as problem:
        print("WRONG: %s" % problem, file=sys.stderr)
        return 1
    except (Unchecked, OSError) as problem:
        print("could not be checked: %s" % problem, file=sys.stderr)
        return 2
    print("\n".join(report))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
