"""IPTC between its two shapes."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unfade.io.iptc import MARK, bare_iptc, enveloped_iptc

RECORDS = b"\x1c\x02\x78\x00\x0aThe garden"


@given(st.binary(max_size=60))
def test_an_envelope_gives_back_what_went_in(records):
    filled = records + bytes(-len(records) % 4)
    assert bare_iptc(enveloped_iptc(records)) == filled


def test_other_resources_before_it_are_passed_over():
    path = struct.pack(">4sH", b"8BIM", 2000) + b"\x03abc" + struct.pack(">I", 3) + b"xyz\0"
    block = MARK + path + enveloped_iptc(RECORDS)[len(MARK) :]
    assert bare_iptc(block) == RECORDS + b"\0"


@pytest.mark.parametrize("cut", [3, 9, 14, 20, 27])
def test_a_block_that_breaks_off_has_no_records(cut):
    assert bare_iptc(enveloped_iptc(RECORDS)[: len(MARK) + cut - 3]) == b""


def test_what_a_jpeg_had_stays_as_it_is():
    block = enveloped_iptc(RECORDS)
    assert enveloped_iptc(block) == block
