"""XMP: what was done is added, what was said stays, and nothing depends on the run."""

import dataclasses
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from unfade.io.read import read
from unfade.io.write import write
from unfade.photo import Metadata, Origin
from unfade.report.packet import PacketError, open_packet, value_of
from unfade.report.source_type import ENHANCED, GENERATED, MEDIA, SCHEME, digital_source_type
from unfade.report.xmp import LARGEST_JPEG, provenance_packet

OWN = """<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?>
<x:xmpmeta xmlns:x='adobe:ns:meta/'><!-- a comment -->
<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>
 <r:Description r:about='' xmlns:photoshop='http://ns.adobe.com/photoshop/1.0/'
  xmlns:xap='http://ns.adobe.com/xap/1.0/' xmlns:tiff='http://ns.adobe.com/tiff/1.0/'
  photoshop:City='Köln' xap:ModifyDate='1999-01-01' xap:CreateDate='1998-01-01'
  tiff:Orientation='6'/>
 <r:Description r:about='' xmlns:mm='http://ns.adobe.com/xap/1.0/mm/'
  xmlns:ev='http://ns.adobe.com/xap/1.0/sType/ResourceEvent#'
  xmlns:iptc='http://iptc.org/std/Iptc4xmpExt/2008-02-29/'>
  <mm:DocumentID>xmp.did:old</mm:DocumentID><mm:InstanceID>xmp.iid:old</mm:InstanceID>
  <iptc:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/print</iptc:DigitalSourceType>
  <mm:History><r:Seq><r:li ev:action='created' ev:when='1998-01-01'/></r:Seq></mm:History>
 </r:Description>
</r:RDF></x:xmpmeta><?xpacket end='w'?>""".encode()


def with_packet(photo, packet):
    fields = {"xmp-data": packet}
    return dataclasses.replace(photo, metadata=dataclasses.replace(photo.metadata, fields=fields))


def said(packet, name):
    return value_of(open_packet(packet), name)


def actions(packet):
    text = packet.decode()
    return re.findall(r"""action(?:='|="|>| [^>]*>)(\w+)""", text)


def test_a_new_packet_tells_who_it_is_what_it_is_and_what_was_done(restored, deed):
    packet = provenance_packet(restored, deed, "png")
    assert said(packet, "xmp:ModifyDate") == deed.when
    assert said(packet, "Iptc4xmpExt:DigitalSourceType") == ENHANCED
    assert actions(packet) == ["filtered", "edited", "saved"]
    assert "inpaint: 1 pixels filled from the surroundings; seed=7" in packet.decode()
    told = json.loads(said(packet, "unfade:History"))
    assert [step["stage"] for step in told["steps"]] == ["denoise", "inpaint"]


def test_the_packet_depends_on_neither_paths_nor_durations(restored, deed):
    slow = tuple(dataclasses.replace(step, seconds=99.0) for step in restored.history)
    other = dataclasses.replace(restored, history=slow, metadata=Metadata(source="elsewhere/y.png"))
    packet = provenance_packet(restored, deed, "png")
    assert packet == provenance_packet(other, deed, "png")
    assert b"secret" not in packet


def test_another_time_or_photo_is_another_document(restored, deed):
    later = dataclasses.replace(deed, when="2027-01-01T00:00:00+00:00")
    ids = {said(provenance_packet(restored, d, "png"), "xmpMM:DocumentID") for d in (deed, later)}
    assert len(ids) == 2 and all(i.startswith("xmp.did:") for i in ids)


def test_what_a_packet_said_stays(restored, deed):
    packet = provenance_packet(with_packet(restored, OWN), deed, "png")
    text = packet.decode()
    assert "photoshop:City='Köln'" in text.replace('"', "'")
    assert "<!-- a comment -->" in text
    assert said(packet, "xmp:ModifyDate") == deed.when and "1999-01-01" not in text
    assert "1998-01-01" in text
    assert said(packet, "tiff:Orientation") == "1"
    assert said(packet, "xmpMM:OriginalDocumentID") == "xmp.did:old"
    assert actions(packet) == ["created", "filtered", "edited", "saved"]
    assert text.count("<mm:History") == 1 and "<xmpMM:History" not in text


def test_the_medium_it_was_digitised_from_is_kept_beside(restored, deed):
    packet = provenance_packet(with_packet(restored, OWN), deed, "png")
    assert said(packet, "Iptc4xmpExt:DigitalSourceType") == ENHANCED
    assert said(packet, "unfade:DigitizedAs") == MEDIA["print"]


def test_a_second_restoring_adds_to_the_history_of_the_first(restored, deed):
    first = provenance_packet(restored, deed, "png")
    second = provenance_packet(with_packet(restored, first), deed, "png")
    assert actions(second) == ["filtered", "edited", "saved"] * 2
    assert second.count(b"<unfade:History") == 1
    original = said(first, "xmpMM:OriginalDocumentID")
    assert said(second, "xmpMM:OriginalDocumentID") == original


BOMB = b"<!DOCTYPE x [<!ENTITY a 'aa'>]>" + OWN.partition(b"?>")[2]
DEEP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + b"<a>" * 5000 + b"</a>" * 5000 + b"</x:xmpmeta>"


@pytest.mark.parametrize("bad", [b"", b"<x", b"<a/>", BOMB, DEEP, OWN[:400], b"\xff\xfe\xff"])
def test_a_packet_that_cannot_be_read_is_left_alone(restored, deed, bad):
    with pytest.raises(PacketError):
        open_packet(bad)
    if bad:
        assert provenance_packet(with_packet(restored, bad), deed, "png") is None


def test_what_stages_say_cannot_break_the_packet(restored, deed):
    step = dataclasses.replace(restored.history[0], settings={"name": "a<b>&\0\x1b]]>"})
    photo = dataclasses.replace(restored, history=(step, restored.history[1]))
    assert "a<b>&" in open_packet(provenance_packet(photo, deed, "png")).toprettyxml().replace(
        "&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")  # fmt: skip


def test_in_a_jpeg_the_packet_fits_its_segment(restored, deed):
    step = dataclasses.replace(restored.history[0], notes={"long": "x" * LARGEST_JPEG})
    photo = dataclasses.replace(restored, history=(step, restored.history[1]))
    packet = provenance_packet(photo, deed, "jpeg")
    assert len(packet) < LARGEST_JPEG
    assert said(packet, "unfade:History") == "" and "saved" in actions(packet)
    assert said(provenance_packet(photo, deed, "png"), "unfade:History")
    full = with_packet(photo, OWN.replace("Köln".encode(), b"x" * LARGEST_JPEG))
    assert provenance_packet(full, deed, "jpeg") is None


@pytest.mark.parametrize(
    ("origin", "medium", "before", "word"),
    [
        (Origin.UNTOUCHED, "", "", ""),
        (Origin.UNTOUCHED, "negative", "", MEDIA["negative"]),
        (Origin.UNTOUCHED, "negative", MEDIA["print"], MEDIA["print"]),
        (Origin.TONE, "print", "", ENHANCED),
        (Origin.FILLED, "print", MEDIA["print"], ENHANCED),
        (Origin.GENERATED, "print", "", GENERATED),
        (Origin.COLOR_INFERRED, "", MEDIA["print"], GENERATED),
        (Origin.TONE, "", GENERATED, GENERATED),
        (Origin.FILLED, "", SCHEME + "trainedAlgorithmicMedia", SCHEME + "trainedAlgorithmicMedia"),
    ],
)
def test_the_source_type_fits_what_was_done(origin, medium, before, word):
    assert digital_source_type(origin, medium, before) == word


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_exiftool_reads_history_and_source_type(restored, deed, tmp_path, suffix):
    photo = with_packet(restored, provenance_packet(with_packet(restored, OWN), deed, "png"))
    path = tmp_path / f"out{suffix}"
    write(photo, path)
    done = subprocess.run(
        ["exiftool", "-j", "-n", "-G1", "-a", "-warning", "-xmp:all", path],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    (told,) = json.loads(done.stdout)
    assert "XMP" not in told.get("ExifTool:Warning", "")
    assert told["XMP-xmpMM:HistoryAction"] == ["created", "filtered", "edited", "saved"]
    assert told["XMP-iptcExt:DigitalSourceType"] == ENHANCED
    assert told["XMP-photoshop:City"] == "Köln"
    assert told["XMP-xmpMM:DerivedFromDocumentID"] == "xmp.did:old"
    assert read(path).metadata.fields["xmp-data"]
    assert np.all(read(path).pixels.shape == restored.pixels.shape)
