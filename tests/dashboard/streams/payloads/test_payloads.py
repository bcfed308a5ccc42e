"""Payloads are hostile: whatever the bytes, what comes out is short, printable and honest about how it was read."""

from __future__ import annotations

import gzip
import json
import time
import unicodedata
import zlib
from collections.abc import Iterator

import msgpack
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dashboard.streams.payloads.hexdump import hexdump
from dashboard.streams.payloads.limits import DECODE_BYTES, SHOW_BYTES
from dashboard.streams.payloads.names import name_pieces
from dashboard.streams.payloads.show import MASK, MASKED, Shown, show
from dashboard.streams.payloads.trees import NODE_CHARS, TREE_CHARS, TREE_DEPTH, TREE_NODES, Node, weight

BIDI = "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u200e\u200f\u061c"
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e\U000e0041"
CONTROL = "\x00\x07\x08\x1b\x7f\x85\x9b\r"
BREAKING = "\u2028\u2029"
PRIVATE = "\ue000\U0010ffff\ufdd0"


def nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from nodes(child)


def drawn(shown: Shown) -> list[Node]:
    assert shown.tree is not None
    return list(nodes(shown.tree))


def test_text_is_shown_as_it_is() -> None:
    shown = show("Grüße, 5 €\n\tsecond line".encode())
    assert (shown.kind, shown.text, shown.decoded) == ("text", "Grüße, 5 €\n\tsecond line", "")
    assert not shown.truncated
    assert shown.tree is None


def test_nothing_is_an_empty_text() -> None:
    assert show(b"") == Shown("text", (), 0)


@pytest.mark.parametrize("char", [*BIDI, *INVISIBLE, *CONTROL, *BREAKING, *PRIVATE], ids=lambda c: f"U+{ord(c):04X}")
def test_what_must_not_be_printed_is_marked(char: str) -> None:
    """Bidi overrides reorder a line, zero-width ones hide in it, controls speak to terminals."""
    kind, mark = show(f"a{char}b".encode()).pieces[1]
    assert kind == "byte"
    assert mark.startswith("\\")
    assert int(mark[2:], 16) == ord(char)


def test_a_reordered_file_name_is_read_in_its_order() -> None:
    assert show("invoice\u202efdp.exe".encode()).text == "invoice\\u202efdp.exe"


@settings(max_examples=300)
@given(st.binary(max_size=300))
@example(b"\x1f\x8b")
@example(b"\x78")
@example(b"\xdd\xff\xff\xff\xff")
@example(b"\xdf\xff\xff\xff\xff")
@example(b"\x81\x90\x01")
@example(b"\xc7\x00\x05")
@example(b"\x91\xd6\xff\xff\xff\xff\xff")
@example(b"\x00{")
def test_any_bytes_can_be_shown(value: bytes) -> None:
    shown = show(value)
    assert shown.size == len(value)
    plain = "".join(text for kind, text in shown.pieces if kind == "text")
    assert [c for c in plain if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn")] == []


@given(st.text(max_size=300))
def test_any_text_is_text(text: str) -> None:
    assert show(text.encode()).kind in ("text", "json")


def test_bytes_that_are_no_text_are_base64() -> None:
    shown = show(b"\xff\xfe\x00\x01")
    assert (shown.kind, shown.text, shown.decoded, shown.size) == ("bytes", "//4AAQ==", "base64", 4)


def test_long_text_is_cut_and_says_so() -> None:
    shown = show(b"x" * 10_000)
    assert (len(shown.text), shown.size, shown.truncated) == (SHOW_BYTES, 10_000, True)
    assert not show(b"x" * SHOW_BYTES).truncated


def test_long_bytes_are_cut_and_say_so() -> None:
    shown = show(b"\xff" * 10_000, limit=30)
    assert (len(shown.text), shown.size, shown.truncated) == (40, 10_000, True)


def test_the_limit_is_the_callers() -> None:
    assert show(b"x" * 200, limit=120).text == "x" * 120


# JSON --------------------------------------------------------------------------------------------------------------


def test_json_is_shown_as_written_with_its_tree() -> None:
    text = '{"total": 2295.00, "id": 12345678901234567890123, "paid": true, "note": null, "tags": ["a"]}'
    shown = show(text.encode())
    assert (shown.kind, shown.text) == ("json", text)
    assert shown.tree is not None
    assert [(n.name, n.kind, n.text) for n in shown.tree.children] == [
        ("total", "lit", "2295.00"),
        ("id", "lit", "12345678901234567890123"),
        ("paid", "lit", "true"),
        ("note", "lit", "null"),
        ("tags", "array", "1"),
    ]


def test_repeated_keys_are_all_drawn() -> None:
    """The last one wins in most readers, the first in some: the difference is the finding."""
    tree = show(b'{"role":"user","role":"admin"}').tree
    assert tree is not None
    assert [(n.name, n.text) for n in tree.children] == [("role", "user"), ("role", "admin")]


@pytest.mark.parametrize("text", ["5", '"a"', "true", "null", "{", "[1,", "{'a':1}", "{}x", "[1] [2]", "Infinity"])
def test_what_is_no_document_is_text(text: str) -> None:
    assert (show(text.encode()).kind, show(text.encode()).tree) == ("text", None)


@pytest.mark.parametrize("text", ["{}", "[]", " \n[1]\n", '{"":""}', "[NaN, -Infinity, 1e999999]"])
def test_small_documents_are_documents(text: str) -> None:
    assert show(text.encode()).kind == "json"


@pytest.mark.parametrize("depth", [100, 600, 900])
def test_deep_documents_are_drawn_to_a_depth(depth: int) -> None:
    """A thousand brackets cost a kilobyte to send and must not cost a page."""
    found = drawn(show(b"[" * depth + b"]" * depth))
    assert len(found) == TREE_DEPTH + 1
    assert found[-1].cut == 1


@pytest.mark.parametrize("depth", [5_000, 100_000])
def test_documents_too_deep_to_parse_are_text(depth: int) -> None:
    assert (show(b"[" * depth + b"]" * depth).kind, show(b'{"":' * depth + b"1" + b"}" * depth).kind) == (
        "text",
        "text",
    )


def test_broad_documents_are_drawn_in_part_and_say_so() -> None:
    shown = show(json.dumps(list(range(10_000))).encode())
    assert shown.tree is not None
    assert len(shown.tree.children) == TREE_NODES
    assert (shown.tree.text, shown.tree.cut) == ("10000", 10_000 - TREE_NODES)


def test_one_bound_holds_for_the_whole_tree() -> None:
    assert len(drawn(show(json.dumps([[1] * 100] * 100).encode()))) <= TREE_NODES + 1


@pytest.mark.parametrize("document", ['["{x}"]', '{{"{x}": 1}}', "[{x}]"], ids=["value", "key", "number"])
def test_no_node_is_longer_than_a_page_shows(document: str) -> None:
    text = document.replace("{{", "{").replace("}}", "}").replace("{x}", "7" * 100_000)
    assert max(len(n.name) + len(n.text) for n in drawn(show(text.encode()))) <= NODE_CHARS + 2


@pytest.mark.parametrize("char", ["x", "\\u0000", "\\u202e"], ids=["plain", "control", "bidi"])
def test_all_nodes_together_hold_no_more_than_a_page_takes(char: str) -> None:
    """500 nodes of 4,096 characters each would be two megabytes, and as marks sixty."""
    text = "[" + ",".join([f'{{"{char * 200}": "{char * 1000}"}}'] * 100) + "]"
    tree = drawn(show(text.encode()))
    assert sum(weight(n.name) + weight(n.text) for n in tree if n.kind == "str") <= TREE_CHARS + TREE_NODES
    assert tree[0].cut > 0
    assert any(n.text.endswith("…") for n in tree)


def test_a_document_beyond_the_bound_is_cut_text() -> None:
    shown = show(b'["' + b"x" * DECODE_BYTES + b'"]')
    assert (shown.kind, shown.tree, len(shown.text), shown.truncated) == ("text", None, SHOW_BYTES, True)


def test_a_tree_is_made_only_when_it_is_wanted() -> None:
    assert show(b"[1]", tree=False).tree is None


# behind a header, packed, compressed ---------------------------------------------------------------------------------


def test_json_behind_a_binary_header_is_found() -> None:
    """The framing of schema registries: a zero byte, a number, the document."""
    shown = show(b'\x00\x00\x00\x00\x2a{"id":7}')
    assert (shown.kind, shown.text, shown.decoded) == ("json", '{"id":7}', "5 bytes of header, JSON")


@pytest.mark.parametrize("text", ['é{"a":1}', "→ [1]", 'level=warn {"a":1}', "x = [1]", '\t{"a":1}'])
def test_text_before_json_is_not_a_header(text: str) -> None:
    """Nothing that can be read is left out of what is shown."""
    assert show(text.encode()).text == text


def test_a_header_without_a_document_is_no_json() -> None:
    assert show(b"\x00\x00{not json").decoded == ""
    assert show(b"\xff" * 65 + b"{}").kind == "bytes"


@pytest.mark.parametrize(("pack", "how"), [(gzip.compress, "gzip"), (zlib.compress, "zlib")], ids=["gzip", "zlib"])
def test_compressed_values_are_unpacked(pack: object, how: str) -> None:
    assert callable(pack)
    shown, plain = show(pack(b'{"a":1}')), show(pack(b"plain words"))
    assert (shown.kind, shown.text, shown.decoded) == ("json", '{"a":1}', f"{how}, JSON")
    assert (plain.kind, plain.text, plain.decoded) == ("text", "plain words", how)


def test_a_bomb_does_not_go_off() -> None:
    """64 MB of zeros in 64 kB: at most DECODE_BYTES come out, in well under a second."""
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(b"[" * 2**20) for _ in range(64)) + packer.flush()
    began = time.perf_counter()
    shown = show(bomb)
    assert time.perf_counter() - began < 1
    assert (shown.kind, shown.decoded, len(shown.text), shown.truncated) == ("text", "gzip", SHOW_BYTES, True)


def test_a_bomb_in_a_bomb_is_unpacked_once() -> None:
    assert show(gzip.compress(gzip.compress(b"x" * 1000))).kind == "bytes"


@pytest.mark.parametrize("lead", ["", "x", "xy"])
def test_unpacking_may_stop_within_a_character(lead: str) -> None:
    shown = show(gzip.compress((lead + "€" * DECODE_BYTES).encode()))
    assert (shown.kind, shown.decoded, shown.text[:3]) == ("text", "gzip", (lead + "€€€")[:3])


def test_broken_compression_is_bytes() -> None:
    broken = bytearray(gzip.compress(b"hello" * 100))
    broken[12:20] = b"\xff" * 8
    assert show(bytes(broken)).kind == "bytes"


def test_messagepack_is_shown_as_json() -> None:
    shown = show(msgpack.packb({"id": 7, "tags": ["ä\u202e"], "raw": b"\xff"}))
    assert (shown.kind, shown.decoded) == ("json", "MessagePack, as JSON")
    assert shown.text == '{"id": 7, "tags": ["ä\\u202e"], "raw": "b\'\\\\xff\'"}'
    assert ("byte", "\\u202e") in shown.pieces


def test_messagepack_of_other_keys_than_text() -> None:
    assert show(msgpack.packb({1: "a", 2: "b"})).text == '{"1": "a", "2": "b"}'
    assert show(msgpack.packb({b"\xff": 1})).kind == "bytes"


@pytest.mark.parametrize(
    "value", [b"\x91" * 600 + b"\x90", b"\x91" * 5000, b"\xdd\xff\xff\xff\xff", b"\x92\xc1\xc1", b"\x93\xff"]
)
def test_hostile_messagepack_is_shown_as_something(value: bytes) -> None:
    assert show(value).size == len(value)


def test_values_beyond_the_bound_are_not_unpacked() -> None:
    assert show(b"\x1f\x8b" + b"\x00" * DECODE_BYTES).decoded == "base64"


@pytest.mark.parametrize(
    "value", [b"{" * DECODE_BYTES, b"\x90" * DECODE_BYTES, b"\x00" * DECODE_BYTES, b"[[]," * 2**18]
)
def test_a_megabyte_of_anything_is_shown_in_time(value: bytes) -> None:
    began = time.perf_counter()
    show(value)
    assert time.perf_counter() - began < 1


# names, masks, hex ---------------------------------------------------------------------------------------------------


def test_names_have_no_line_of_their_own() -> None:
    pieces = name_pieces(b"a\nb\t\xffc")
    assert pieces == (
        ("text", "a"),
        ("byte", "\\x0a"),
        ("text", "b"),
        ("byte", "\\x09"),
        ("byte", "\\xff"),
        ("text", "c"),
    )


@given(st.binary(max_size=100))
def test_any_name_can_be_shown(name: bytes) -> None:
    assert all(text.isprintable() for _, text in name_pieces(name))


def test_a_masked_value_tells_nothing() -> None:
    assert (MASKED.text, MASKED.size, MASKED.tree) == (MASK, 0, None)


def test_hexdump_is_offset_bytes_and_ascii() -> None:
    assert list(hexdump(b"0123456789abcdef\x00\xff<")) == [
        "00000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef",
        "00000010  00 ff 3c                                         ..<",
    ]
    assert len(list(hexdump(b"x" * 10_000))) == SHOW_BYTES // 16


# marks on marks -------------------------------------------------------------------------------------------------------


def test_a_letter_bears_a_few_marks_and_the_rest_are_told() -> None:
    """Sixty accents on one letter are drawn over the four lines above it."""
    tower = "e\u0301" + "\u0300" * 60 + "\u0301x"
    assert name_pieces(tower.encode()) == (
        ("text", "e\u0301" + "\u0300" * 3),
        ("byte", "\\u0300×57\\u0301"),
        ("text", "x"),
    )


@pytest.mark.parametrize("text", ["Nguyễn", "ਪੰਜਾਬੀ", "שָׁלוֹם", "ที่นี่", "👩🏽", "e\u0301\u0300" * 40])
def test_what_people_write_is_no_stack(text: str) -> None:
    assert name_pieces(text.encode()) == (("text", text),)


def test_names_that_differ_in_their_stacks_alone_look_different() -> None:
    one, other = (("e" + "\u0300" * count).encode() for count in (20, 21))
    assert name_pieces(one) != name_pieces(other)


def test_a_stack_weighs_what_its_marks_do() -> None:
    stacked = "e\u0300\u0300\u0300\u0300\u0301" * 10
    drawn = sum(len(text) + 28 * (kind == "byte") for kind, text in name_pieces(stacked.encode()))
    assert weight(stacked) >= 0.8 * drawn
