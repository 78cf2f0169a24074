#!/usr/bin/env python3
"""Checks a whole log from outside: its signature, every entry, every hash.

    verify_log.py PREFIX KEY [KEPT]

PREFIX  address of the log, such as https://reports.example.com/ledger
KEY     verifier key of the log, from your own papers
KEPT    file with a checkpoint from an earlier day: the log has to continue it

The token of an auditor is taken from the variable COUNTERSIGN_TOKEN. Needs
Python 3.8 and the openssl command, version 3; nothing else. Prints size and
root and ends with 0 where everything is right, 1 where something is wrong, 2
where it could not be checked.
"""
import base64, hashlib, os, re, subprocess, sys, tempfile, urllib.error, urllib.request


class Wrong(Exception):
    """Something that was checked is not right."""


class Unchecked(Exception):
    """Something could not be checked."""


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def leaf_hash(entry):
    return sha(b"\x00", entry)


def node_hash(left, right):
    return sha(b"\x01", left, right)


# Fetching

class StayHere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):  # the token is for nobody else
        return None


opener = urllib.request.build_opener(StayHere)


def fetch(prefix, path, limit):
    request = urllib.request.Request(prefix + "/" + path)
    if os.environ.get("COUNTERSIGN_TOKEN"):
        request.add_header("Authorization", "Bearer " + os.environ["COUNTERSIGN_TOKEN"])
    try:
        with opener.open(request, timeout=60) as answer:
            body = answer.read(limit + 1)
    except urllib.error.HTTPError as e:
        reason = e.read(300).decode("utf-8", "replace").strip()
        raise (Wrong if e.code == 404 and path != "checkpoint" else Unchecked)("%s: %d %s" % (path, e.code, reason))
    except (OSError, ValueError) as e:
        raise Unchecked("%s: %s" % (path, e))
    if len(body) > limit:
        raise Wrong("%s is longer than it can be" % path)
    return body


def tile_path(level, n, width):
    groups = ["%03d" % (n % 1000)]
    while n >= 1000:
        n //= 1000
        groups.insert(0, "x%03d" % (n % 1000))
    return "tile/%s/%s" % (level, "/".join(groups)) + (".p/%d" % width if width < 256 else "")


# The checkpoint: C2SP signed-note, tlog-checkpoint

def decode(text):
    """Bytes of base64 in its one right form, none of any other."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        return b""
    return raw if base64.b64encode(raw) == text else b""


def parse_key(text):
    match = re.fullmatch(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)", text.strip())
    key = decode(match[3].encode()) if match else b""
    if len(key) != 33 or key[0] != 1 or sha(match[1].encode(), b"\n", key)[:4].hex() != match[2]:
        raise Unchecked("this is not the verifier key of a log: %s" % text)
    return match[1], bytes.fromhex(match[2]), key[1:]


def signed_by(public, text, signature):
    """Whether an Ed25519 signature is right, as openssl says."""
    with tempfile.TemporaryDirectory() as folder:
        names = [os.path.join(folder, name) for name in ("key", "text", "signature")]
        for name, content in zip(names, (bytes.fromhex("302a300506032b6570032100") + public, text, signature)):
            with open(name, "wb") as f:
                f.write(content)
        try:
            run = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", names[0], "-rawin",
                                  "-in", names[1], "-sigfile", names[2]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        except OSError as e:
            raise Unchecked("the openssl command: %s" % e)
    if run.returncode == 0 and b"Signature Verified Successfully" in run.stdout:
        return True
    if b"Signature Verification Failure" in run.stdout:
        return False
    raise Unchecked("openssl says: %s" % run.stdout.decode("utf-8", "replace").strip())


def open_checkpoint(note, key):
    origin, key_id, public = key
    text, found, lines = note.partition(b"\n\n")
    body = text.split(b"\n")
    if not found or len(body) != 3 or body[0] != origin.encode():
        raise Wrong("this is not a checkpoint of %s" % origin)
    root = decode(body[2])
    if not re.fullmatch(rb"0|[1-9][0-9]{0,17}", body[1]) or len(root) != 32:
        raise Wrong("the checkpoint has no size or no root")
    for line in lines.split(b"\n"):  # others, of witnesses, may stand beside the log's
        match = re.fullmatch(rb"\xe2\x80\x94 (\S+) (\S+)", line)
        raw = decode(match[2]) if match else b""
        if match and match[1] == origin.encode() and raw[:4] == key_id:
            if len(raw) != 68 or not signed_by(public, text + b"\n", raw[4:]):
                raise Wrong("the signature of the checkpoint is wrong")
            return int(body[1]), root
    raise Wrong("the checkpoint is not signed with this key")


# The tree: RFC 6962, C2SP tlog-tiles

def fold(edge):
    """The root over complete subtrees, the largest first."""
    if not edge:
        return sha()
    root = edge[-1]
    for left in reversed(edge[:-1]):
        root = node_hash(left, root)
    return root


class Tree:
    """The tree that the entries make, compared with the tiles as it grows."""

    def __init__(self, prefix):
        self.prefix, self.size, self.edge, self.rows = prefix, 0, [], []

    def append(self, leaf):
        self.size += 1
        h, n, level = leaf, self.size, 0
        self.keep(0, leaf)
        while n % 2 == 0:
            h, n, level = node_hash(self.edge.pop(), h), n // 2, level + 1
            if level % 8 == 0:
                self.keep(level // 8, h)
        self.edge.append(h)

    def keep(self, level, h):
        """Adds a hash to the tile of its level that is being filled."""
        if level == len(self.rows):
            self.rows.append([0, []])
        row = self.rows[level]
        row[1].append(h)
        if len(row[1]) == 256:
            self.compare(level)
            self.rows[level] = [row[0] + 1, []]

    def compare(self, level):
        n, hashes = self.rows[level]
        path = tile_path(level, n, len(hashes))
        if hashes and fetch(self.prefix, path, 32 * len(hashes)) != b"".join(hashes):
            raise Wrong("%s does not have the hashes of the entries" % path)

    def end(self):
        for level in range(len(self.rows)):
            self.compare(level)


def entries_of(tile, width, path):
    at, entries = 0, []
    while at < len(tile):
        length = int.from_bytes(tile[at:at + 2], "big")
        entries.append(tile[at + 2:at + 2 + length])
        at += 2 + length
    if at != len(tile) or len(entries) != width:
        raise Wrong("%s is not %d entries" % (path, width))
    return entries


def main():
    if len(sys.argv) not in (3, 4) or sys.argv[1].startswith("-"):
        raise Unchecked(__doc__.strip())
    prefix, key = sys.argv[1].rstrip("/"), parse_key(sys.argv[2])
    kept = None
    if len(sys.argv) == 4:
        with open(sys.argv[3], "rb") as f:
            kept = open_checkpoint(f.read(), key)
    size, root = open_checkpoint(fetch(prefix, "checkpoint", 1 << 16), key)
    if kept and kept[0] > size:
        raise Wrong("the log has %d entries and had %d: it was set back" % (size, kept[0]))
    tree = Tree(prefix)
    while True:
        if kept and tree.size == kept[0] and fold(tree.edge) != kept[1]:
            raise Wrong("the log does not continue the checkpoint of %d entries that was kept" % kept[0])
        if tree.size == size:
            break
        if tree.size % 256 == 0:
            width = min(256, size - tree.size)
            path = tile_path("entries", tree.size // 256, width)
            entries = entries_of(fetch(prefix, path, width * 65537), width, path)
        tree.append(leaf_hash(entries[tree.size % 256]))
    tree.end()
    if fold(tree.edge) != root:
        raise Wrong("the entries do not lead to the root that was signed")
    print("origin %s\nsize   %d\nroot   %s" % (key[0], size, base64.b64encode(root).decode()))
    if kept:
        print("continues the checkpoint of %d entries" % kept[0])


if __name__ == "__main__":
    try:
        main()
    except Wrong as e:
        print("WRONG: %s" % e, file=sys.stderr)
        sys.exit(1)
    except (Unchecked, OSError, ValueError) as e:
        print("not checked: %s" % e, file=sys.stderr)
        sys.exit(2)
