"""PREMIS: elements in the order and number that version 3 prescribes, and links that hold."""

import dataclasses
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from unfade.darkroom import Darkroom
from unfade.jobs.job import Job
from unfade.jobs.outcome import State
from unfade.jobs.run import run_job
from unfade.models.zoo import checksum
from unfade.recipe import Recipe
from unfade.report.deed import file_facts
from unfade.report.papers import Papers
from unfade.report.premis import premis_path, premis_xml
from unfade.report.record import Output

SPACE = "{http://www.loc.gov/premis/v3}"
TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"

# The children of each element, in order, with how often each may occur (1, ?, +, *), as the
# schema of PREMIS 3.0 has them; only the choices for objects of type "file" and what we write.
ORDER = {
    "premis": "object + event * agent * rights *",
    "object": "objectIdentifier + preservationLevel * significantProperties * "
    "objectCharacteristics + originalName ? storage * signatureInformation * relationship * "
    "linkingEventIdentifier * linkingRightsStatementIdentifier *",
    "objectIdentifier": "objectIdentifierType 1 objectIdentifierValue 1",
    "objectCharacteristics": "compositionLevel ? fixity * size ? format + creatingApplication * "
    "inhibitors * objectCharacteristicsExtension *",
    "fixity": "messageDigestAlgorithm 1 messageDigest 1 messageDigestOriginator ?",
    "format": "formatDesignation ? formatRegistry ? formatNote *",
    "formatDesignation": "formatName 1 formatVersion ?",
    "creatingApplication": "creatingApplicationName ? creatingApplicationVersion ? "
    "dateCreatedByApplication ? creatingApplicationExtension *",
    "relationship": "relationshipType 1 relationshipSubType 1 relatedObjectIdentifier + "
    "relatedEventIdentifier * relatedEnvironmentPurpose *",
    "relatedObjectIdentifier": "relatedObjectIdentifierType 1 relatedObjectIdentifierValue 1",
    "relatedEventIdentifier": "relatedEventIdentifierType 1 relatedEventIdentifierValue 1",
    "linkingEventIdentifier": "linkingEventIdentifierType 1 linkingEventIdentifierValue 1",
    "event": "eventIdentifier 1 eventType 1 eventDateTime 1 eventDetailInformation * "
    "eventOutcomeInformation * linkingAgentIdentifier * linkingObjectIdentifier *",
    "eventIdentifier": "eventIdentifierType 1 eventIdentifierValue 1",
    "eventDetailInformation": "eventDetail ? eventDetailExtension *",
    "eventOutcomeInformation": "eventOutcome ? eventOutcomeDetail *",
    "eventOutcomeDetail": "eventOutcomeDetailNote ? eventOutcomeDetailExtension *",
    "linkingAgentIdentifier": "linkingAgentIdentifierType 1 linkingAgentIdentifierValue 1 "
    "linkingAgentRole *",
    "linkingObjectIdentifier": "linkingObjectIdentifierType 1 linkingObjectIdentifierValue 1 "
    "linkingObjectRole *",
    "agent": "agentIdentifier + agentName * agentType ? agentVersion ? agentNote *",
    "agentIdentifier": "agentIdentifierType 1 agentIdentifierValue 1",
}


def complaints(element):
    """What is wrong with the order and number of an element's children, all the way down."""
    name = element.tag.removeprefix(SPACE)
    if name not in ORDER:
        return [f"{name} is not text"] if len(element) or not (element.text or "").strip() else []
    words = ORDER[name].split()
    allowed = dict(zip(words[::2], words[1::2], strict=True))
    children = [child.tag.removeprefix(SPACE) for child in element]
    found = [f"{child} in {name}" for child in children if child not in allowed]
    places = [list(allowed).index(child) for child in children if child in allowed]
    found += [f"order in {name}"] if places != sorted(places) else []
    for child, often in allowed.items():
        count = children.count(child)
        if (count < 1 and often in "1+") or (count > 1 and often in "1?"):
            found.append(f"{count} of {child} in {name}")
    return found + [words for child in element for words in complaints(child)]


def parse(text):
    return ET.fromstring(text.encode())


def texts(root, name):
    return [element.text for element in root.iter(SPACE + name)]


@pytest.fixture
def document(restored, deed, tmp_path):
    output = Output(tmp_path / "new.tif", "tiff", deed.inputs["photo"])
    return parse(premis_xml(restored, deed, output))


def test_the_document_is_built_as_premis_prescribes(document):
    assert document.tag == SPACE + "premis" and document.get("version") == "3.0"
    assert complaints(document) == []
    assert [o.get(TYPE) for o in document.iter(SPACE + "object")] == ["file", "file"]


@pytest.mark.parametrize("break_it", ["swap", "drop", "add"])
def test_a_document_built_otherwise_is_noticed(document, break_it):
    event = document.find(SPACE + "event")
    if break_it == "swap":
        event.insert(0, event[1])
    elif break_it == "drop":
        event.remove(event.find(SPACE + "eventType"))
    else:
        ET.SubElement(event, SPACE + "eventColor").text = "red"
    assert complaints(document)


def test_objects_event_and_agent_are_linked(document, deed):
    source, made = texts(document, "objectIdentifierValue")
    assert source != made
    assert texts(document, "linkingObjectIdentifierValue") == [source, made]
    assert texts(document, "linkingObjectRole") == ["source", "outcome"]
    assert texts(document, "relatedObjectIdentifierValue") == [source]
    ids = {deed.key}
    assert set(texts(document, "eventIdentifierValue")) == ids
    assert set(texts(document, "linkingEventIdentifierValue")) == ids
    assert texts(document, "linkingAgentIdentifierValue") == texts(document, "agentIdentifierValue")


def test_the_event_tells_what_was_done(document, deed):
    assert texts(document, "eventType") == ["modification"]
    assert texts(document, "eventDateTime") == [deed.when]
    assert texts(document, "eventDetail") == ["Restored with recipe print: denoise, inpaint"]
    assert texts(document, "eventOutcomeDetailNote") == [
        "Pixels: 127 untouched, 64 denoised, 1 filled"
    ]
    uri = document.find(f"{SPACE}event/{SPACE}eventType").get("valueURI")
    assert uri == "http://id.loc.gov/vocabulary/preservation/eventType/mod"


def test_names_cannot_break_the_document(restored, deed, tmp_path):
    path = tmp_path / "a <b> & 'c'.png"
    path.write_bytes(b"x")
    named = dataclasses.replace(deed, inputs={"photo": file_facts(path)})
    output = Output(tmp_path / "new.png", "png", deed.inputs["photo"])
    root = parse(premis_xml(restored, named, output))
    assert texts(root, "originalName") == [path.name, "new.png"]


def test_a_job_writes_it_beside_the_output_and_a_copy_is_a_replication(scan):
    job = Job(
        str(scan),
        str(scan.with_name("new.png")),
        Recipe("nothing", ()),
        papers=Papers(premis=True),
    )
    assert run_job(job, Darkroom()).state is State.DONE
    root = parse(premis_path(Path(job.target)).read_text("utf-8"))
    assert complaints(root) == []
    assert texts(root, "eventType") == ["replication"]
    assert texts(root, "messageDigest") == [checksum(scan), checksum(Path(job.target))]
    assert len(set(texts(root, "objectIdentifierValue"))) == 2


def test_control_characters_of_a_name_do_not_break_the_document(restored, deed, tmp_path):
    facts = dataclasses.replace(deed.inputs["photo"], path=tmp_path / "a\x07\x1b\udce9.png")
    named = dataclasses.replace(deed, inputs={"photo": facts})
    output = Output(tmp_path / "new\x00\ufffe.png", "png", deed.inputs["photo"])
    root = parse(premis_xml(restored, named, output))
    assert complaints(root) == []
    assert texts(root, "originalName") == ["a\ufffd\ufffd\ufffd.png", "new\ufffd\ufffd.png"]
