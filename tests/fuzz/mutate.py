"""Ways to damage a file, or to write something like it that nobody should."""

import random
from collections.abc import Callable, Sequence

Mutation = Callable[[bytes, random.Random], bytes]

WORDS = (
    b"\x00", b"\xff", b"\x1b]0;x\x07", b"\xef\xbb\xbf", b"\xff\xfe", b"\xe2\x80\xae", b"\xc2\x9b", b"\n", b'"', b"'''",
    b"[", b"]", b"{", b"}", b"[[", b"=", b".", b"a.", b"-1", b"1e999", b"NaN", b"inf", b"null", b"9" * 400, b"0x1p3",
    b"true", b"\\u0000", b"\\ud800", b"../", b"%s%n", b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06", b"(", b"e", b"R",
    b"}", b"]", b"\x80\x04", b"\x8a\xff", b"X\xff\xff\xff\x7f", b"cos\nsystem\n", b"\x93", b"q\x00", b"h\x00", b"\x81",
    b"b", b"0", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\x00\x00\x00\x80",
)  # fmt: skip
MOST_REPEATED = 60_000


def flip(content: bytes, rng: random.Random) -> bytes:
    """Change a few bits."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(content: bytes, rng: random.Random) -> bytes:
    """Leave the end, the beginning or a part out."""
    one, other = sorted(rng.randrange(len(content) + 1) for _ in range(2))
    kept: bytes = rng.choice((content[:one], content[one:], content[:one] + content[other:]))
    return kept


def insert(content: bytes, rng: random.Random) -> bytes:
    """Put in what means something, now and then very often."""
    word = rng.choice(WORDS) * rng.choice((1, 1, 1, 2, 100, MOST_REPEATED))
    at = rng.randrange(len(content) + 1)
    return content[:at] + word[: 4 * MOST_REPEATED] + content[at:]


def double(content: bytes, rng: random.Random) -> bytes:
    """Say a part twice, or many times."""
    one, other = sorted(rng.randrange(len(content) + 1) for _ in range(2))
    part = content[one:other][:2000]
    return content[:other] + part * rng.choice((1, 2, 100)) + content[other:]


def swap(content: bytes, rng: random.Random) -> bytes:
    """Let two parts change places."""
    one, two, three = sorted(rng.randrange(len(content) + 1) for _ in range(3))
    return content[:one] + content[two:three] + content[one:two] + content[three:]


def number(content: bytes, rng: random.Random) -> bytes:
    """Write another number in place of four or eight bytes."""
    length = rng.choice((2, 4, 8))
    value: int = rng.choice((0, 1, 2**7, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**63)) % int(2 ** (8 * length))
    at = rng.randrange(max(1, len(content) - length))
    return content[:at] + value.to_bytes(length, "little") + content[at + length :]


MUTATIONS: Sequence[Mutation] = (flip, cut, insert, insert, double, swap, number)


def mutated(content: bytes, rng: random.Random) -> bytes:
    """Return ``content``, damaged once or a few times."""
    for change in rng.choices(MUTATIONS, k=rng.choice((1, 1, 2, 4))):
        content = change(content, rng)
    return content
