"""A picture and a voice note that the phones can send, made when needed: real files, with nobody in them."""

import struct
import zlib
from typing import Final

_SILENCE: Final = b"\xf8\xff\xfe"
"""An Opus packet of 20 ms without a sound (RFC 6716, section 3.1)."""
_RATE: Final = 48_000
_SERIAL: Final = 1


def damp_wall(width: int = 160, height: int = 120) -> bytes:
    """A PNG of a pale wall with a dark patch in a corner."""
    rows = b"".join(b"\0" + b"".join(_pixel(x, y) for x in range(width)) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(rows, 9)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _pixel(x: int, y: int) -> bytes:
    shade = min(255, (x - 12) ** 2 // 28 + (y - 8) ** 2 // 14 + 60 + (x * 31 + y * 17) % 13)
    return bytes((min(232, shade), min(226, shade + 4), min(212, shade)))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def silent_voice_note(seconds: float = 2.0) -> bytes:
    """An Ogg file of Opus silence (RFC 7845), as messengers send voice notes."""
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, _RATE, 0, 0)
    tags = b"OpusTags" + struct.pack("<I", 4) + b"none" + struct.pack("<I", 0)
    packets = [_SILENCE] * max(1, min(255, round(seconds * 50)))
    sound = _page(packets, 2, len(packets) * _RATE // 50, last=True)
    return _page([head], 0, 0, first=True) + _page([tags], 1, 0) + sound


def _page(packets: list[bytes], number: int, position: int, first: bool = False, last: bool = False) -> bytes:
    """One Ogg page (RFC 3533, section 6); each packet is shorter than 255 bytes."""
    flags = (2 if first else 0) | (4 if last else 0)
    sizes = bytes(len(packet) for packet in packets)
    start = b"OggS" + struct.pack("<BBqII", 0, flags, position, _SERIAL, number)
    rest = bytes([len(packets)]) + sizes + b"".join(packets)
    return start + struct.pack("<I", _checksum(start + b"\0\0\0\0" + rest)) + rest


def _checksum(page: bytes) -> int:
    """Ogg's CRC: polynomial 0x04c11db7, most significant bit first, without reflection, which zlib's is not."""
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1) ^ 0x04C11DB7 if value & 0x80000000 else value << 1
        value &= 0xFFFFFFFF
    return value
