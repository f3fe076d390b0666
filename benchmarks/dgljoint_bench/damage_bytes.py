"""Ways to damage the bytes and the lines of a file, as disks, editors and other programs do."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random

Damage = Callable[[bytes, Random], bytes]

# Twice as much again and again is a test of patience, not of a reader.
_MOST_BYTES = 1_000_000
_NUMBER = re.compile(rb"[0-9]+(?:\.[0-9]+)?")
# Python takes the digits of all scripts and underscores for numbers; 2**63 is the first that no
# column holds, and int() refuses five thousand digits.
NUMBERS: tuple[bytes, ...] = (
    b"-1", b"0", b"00", b"7", b"-0.0", b"1e5", b"1e308", b"1e999", b"nan", b"inf", b"NaN", b"0x10",
    b"1_000", "٣".encode(), "１２".encode(), b"", b"2147483648", b"9223372036854775807",
    b"9223372036854775808", b"18446744073709551616", b"9" * 40, b"9" * 5000, b"0." + b"0" * 400,
)
DEPTHS = (50, 900, 1000, 1020, 1100, 5000, 100_000)
_PIECES: tuple[bytes, ...] = (
    b"\x00", b"\xff", b"\xed\xa0\x80", b"\xf0\x9f", b"\xef\xbb\xbf", b"\r", b"\n", b"\t", b'"',
    b"'", b"]", b"}", b"[", b"{", b",", b":", b"->", b"\\u0000", b"\\ud800", "\u2028".encode(),
    "🔥".encode(), b"null", b"ROOT",
)


def cut(data: bytes, rng: Random) -> bytes:
    """Keep the start."""
    return data[: rng.randint(0, len(data))]


def cut_start(data: bytes, rng: Random) -> bytes:
    """Keep the end."""
    return data[rng.randint(0, len(data)) :]


def cut_out(data: bytes, rng: Random) -> bytes:
    """Lose a few bytes somewhere."""
    at = rng.randint(0, len(data))
    return data[:at] + data[at + rng.choice((1, 2, 8, 60, 400)) :]


def flip(data: bytes, rng: Random) -> bytes:
    """Change single bits."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 3, 20)) if data else 0):
        changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def swap(data: bytes, rng: Random) -> bytes:
    """Exchange two stretches."""
    a, b, c, d = sorted(rng.randint(0, len(data)) for _ in range(4))
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def repeat(data: bytes, rng: Random) -> bytes:
    """Write a stretch twice."""
    start, end = sorted(rng.randint(0, len(data)) for _ in range(2))
    return data[:end] + data[start:end] + data[end:]


def twice(data: bytes, rng: Random) -> bytes:
    """Write the whole file twice."""
    return data + data


def insert(data: bytes, rng: Random) -> bytes:
    """Put something in that means something to a parser, or chance bytes."""
    at = rng.randint(0, len(data))
    piece = rng.choice((*_PIECES, rng.randbytes(rng.choice((1, 4, 64)))))
    return data[:at] + piece * rng.choice((1, 1, 2, 500)) + data[at:]


def zero(data: bytes, rng: Random) -> bytes:
    """Leave null bytes where a stretch was, as after a crash."""
    start, end = sorted(rng.randint(0, len(data)) for _ in range(2))
    return data[:start] + bytes(end - start) + data[end:]


def empty(data: bytes, rng: Random) -> bytes:
    """Leave nothing, or next to nothing."""
    return rng.choice((b"", b"\n", b" ", b"\x00", b"\xef\xbb\xbf"))


def noise(data: bytes, rng: Random) -> bytes:
    """Put chance bytes in the place of everything."""
    return rng.randbytes(rng.choice((1, 64, 4096)))


def nest(data: bytes, rng: Random) -> bytes:
    """Put brackets in the place of everything, or in the midst of it."""
    deep = brackets(rng)
    at = rng.randint(0, len(data))
    return rng.choice((deep, data[:at] + deep + data[at:]))


def brackets(rng: Random) -> bytes:
    """Return brackets in brackets, closed or not."""
    depth, opening, closing = rng.choice(DEPTHS), *rng.choice(((b"[", b"]"), (b'{"a":', b"}")))
    return opening * depth + rng.choice((b"", b"1" + closing * depth))


def encode(data: bytes, rng: Random) -> bytes:
    """Save the text in another encoding."""
    name = rng.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1", "gb18030", "utf-7"))
    return data.decode(errors="replace").encode(name, errors="replace")


def misread(data: bytes, rng: Random) -> bytes:
    """Save UTF-8 that was read as something else."""
    return data.decode(rng.choice(("latin-1", "cp437"))).encode()


def line_ends(data: bytes, rng: Random) -> bytes:
    """Save with the line ends of another system, or without any."""
    return data.replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\n", b"\r\r\n", b" ", b"")))


def shuffle_lines(data: bytes, rng: Random) -> bytes:
    """Write the lines in another order."""
    lines = data.split(b"\n")
    rng.shuffle(lines)
    return b"\n".join(lines)


def drop_lines(data: bytes, rng: Random) -> bytes:
    """Lose some of the lines."""
    keep = rng.choice((0.1, 0.5, 0.9))
    return b"\n".join(line for line in data.split(b"\n") if rng.random() < keep)


def repeat_line(data: bytes, rng: Random) -> bytes:
    """Write a line again, somewhere else."""
    lines = data.split(b"\n")
    line = rng.choice(lines)
    for _ in range(rng.choice((1, 1, 40))):
        lines.insert(rng.randint(0, len(lines)), line)
    return b"\n".join(lines)


def mix_lines(data: bytes, rng: Random) -> bytes:
    """Put a piece of one line into another."""
    lines = data.split(b"\n")
    taken, place = rng.choice(lines), rng.randrange(len(lines))
    lines[place] = cut(lines[place], rng) + cut_start(taken, rng)
    return b"\n".join(lines)


def separators(data: bytes, rng: Random) -> bytes:
    """Write one separator for another, everywhere or once."""
    old, new = rng.sample((b"\t", b" ", b":", b",", b"'", b"->", b'"', b""), 2)
    return data.replace(old, new, rng.choice((1, -1))) if old else data


def number(data: bytes, rng: Random) -> bytes:
    """Write another number in the place of one."""
    return _at_a_number(data, rng, lambda _: rng.choice(NUMBERS))


def number_again(data: bytes, rng: Random) -> bytes:
    """Write a number of the file in the place of another: ids repeat, answers run in circles."""
    found = _NUMBER.findall(data)
    return _at_a_number(data, rng, lambda _: rng.choice(found))


def number_off(data: bytes, rng: Random) -> bytes:
    """Change a number a little, or to another sign."""
    return _at_a_number(data, rng, lambda old: rng.choice((b"-" + old, old + b"0", old[:-1])))


def _at_a_number(data: bytes, rng: Random, change: Callable[[bytes], bytes]) -> bytes:
    places = [match.span() for match in _NUMBER.finditer(data)]
    for start, end in sorted(rng.sample(places, min(len(places), rng.choice((1, 1, 2, 9)))))[::-1]:
        data = data[:start] + change(data[start:end]) + data[end:]
    return data


def long_line(data: bytes, rng: Random) -> bytes:
    """Put a very long line without a break in."""
    at = rng.randint(0, len(data))
    return data[:at] + rng.choice((b"a", b"1", b" ", b"[")) * 300_000 + data[at:]


DAMAGES: Sequence[Damage] = (
    cut, cut_start, cut_out, flip, swap, repeat, twice, insert, zero, empty, noise, nest, encode,
    misread, line_ends, shuffle_lines, drop_lines, repeat_line, mix_lines, separators, number,
    number_again, number_off, long_line,
)


def damage_bytes(data: bytes, rng: Random) -> tuple[bytes, str]:
    """Damage a file in one way; return what is left of it and the name of the way."""
    way = rng.choice(DAMAGES)
    damaged = way(data, rng)
    return (damaged if len(damaged) <= _MOST_BYTES else damaged[:_MOST_BYTES]), way.__name__
