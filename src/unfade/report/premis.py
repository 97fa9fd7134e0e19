"""PREMIS 3: the restoring as a preservation event, between the file that was and the file that is.

One document beside the output: two objects (input and output, with fixity), one event, which is a
modification or, where nothing had to be done, a replication, and the software as its agent. Terms
are those of the preservation vocabularies of the Library of Congress.

References:
    PREMIS Data Dictionary for Preservation Metadata, version 3.0 (2015), and its XML schema,
    http://www.loc.gov/premis/v3.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

from .. import __version__
from ..photo import Photo
from .deed import Deed, FileFacts, identifier, marked_steps
from .history import origin_counts
from .packet import xml_text
from .record import Output

SPACE = "http://www.loc.gov/premis/v3"
INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
TERMS = "http://id.loc.gov/vocabulary/preservation"
ENDING = "premis.xml"


def premis_path(target: Path) -> Path:
    """Where the PREMIS document of an output lies."""
    return target.with_name(f"{target.name}.{ENDING}")


def premis_xml(photo: Photo, deed: Deed, output: Output) -> str:
    """Describe the restoring of one photo.

    Args:
        photo: As it came out of `run`.
        deed: What was done.
        output: The file it was written to.
    Returns:
        An XML document in UTF-8.
    """
    source = deed.inputs["photo"]
    # Not by content alone: a photo in which nothing was changed is copied byte for byte.
    made = identifier(f"{deed.key} {output.facts.sha256}")
    ids = {"source": identifier(source.sha256), "outcome": made}
    root = ET.Element("premis", {"xmlns": SPACE, "xmlns:xsi": INSTANCE, "version": "3.0"})
    given = _object(root, ids["source"], source, photo.metadata.format, source.path.name)
    result = _object(root, made, output.facts, output.format, output.path.name, deed)
    _relationship(result, ids["source"], deed)
    for element in (given, result):
        _identified(element, "linkingEventIdentifier", deed.key)
    _event(root, photo, deed, output, ids)
    _agent(root)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def _object(
    root: ET.Element,
    key: str,
    facts: FileFacts,
    format: str,
    name: str,
    made_by: Deed | None = None,
) -> ET.Element:
    element = ET.SubElement(root, "object", {"xsi:type": "file"})
    _identified(element, "objectIdentifier", key)
    told = ET.SubElement(element, "objectCharacteristics")
    fixity = ET.SubElement(told, "fixity")
    _say(fixity, "messageDigestAlgorithm", "SHA-256", "cryptographicHashFunctions/sha256")
    _say(fixity, "messageDigest", facts.sha256)
    _say(told, "size", str(facts.bytes))
    designation = ET.SubElement(ET.SubElement(told, "format"), "formatDesignation")
    _say(designation, "formatName", f"image/{format}" if format else "application/octet-stream")
    if made_by is not None:
        maker = ET.SubElement(told, "creatingApplication")
        _say(maker, "creatingApplicationName", "unfade")
        _say(maker, "creatingApplicationVersion", __version__)
        _say(maker, "dateCreatedByApplication", made_by.when)
    _say(element, "originalName", name)
    return element


def _relationship(made: ET.Element, source: str, deed: Deed) -> None:
    element = ET.SubElement(made, "relationship")
    _say(element, "relationshipType", "derivation", "relationshipType/der")
    _say(element, "relationshipSubType", "has source", "relationshipSubType/hss")
    _identified(element, "relatedObjectIdentifier", source)
    _identified(element, "relatedEventIdentifier", deed.key)


def _event(
    root: ET.Element, photo: Photo, deed: Deed, output: Output, ids: Mapping[str, str]
) -> None:
    element = ET.SubElement(root, "event")
    _identified(element, "eventIdentifier", deed.key)
    kind = "replication" if output.copied and not output.before_signing else "modification"
    _say(element, "eventType", kind, f"eventType/{kind[:3]}")
    _say(element, "eventDateTime", deed.when)
    detail = ET.SubElement(element, "eventDetailInformation")
    stages = ", ".join(step.stage for step, _ in marked_steps(photo, deed.recipe))
    _say(detail, "eventDetail", f"Restored with recipe {deed.recipe.name}: {stages or 'nothing'}")
    outcome = ET.SubElement(element, "eventOutcomeInformation")
    _say(outcome, "eventOutcome", "success", "eventOutcome/suc")
    counts = ", ".join(f"{count} {name}" for name, count in origin_counts(photo).items())
    note = ET.SubElement(outcome, "eventOutcomeDetail")
    _say(note, "eventOutcomeDetailNote", f"Pixels: {counts}")
    agent = ET.SubElement(element, "linkingAgentIdentifier")
    _pair(agent, "linkingAgentIdentifier", f"unfade {__version__}", "local")
    _say(agent, "linkingAgentRole", "executing program", "eventRelatedAgentRole/exe")
    for role, key in ids.items():
        link = ET.SubElement(element, "linkingObjectIdentifier")
        _pair(link, "linkingObjectIdentifier", key, "UUID")
        _say(link, "linkingObjectRole", role, f"eventRelatedObjectRole/{role[:3]}")


def _agent(root: ET.Element) -> None:
    element = ET.SubElement(root, "agent")
    _identified(element, "agentIdentifier", f"unfade {__version__}", "local")
    _say(element, "agentName", "unfade")
    _say(element, "agentType", "software", "agentType/sof")
    _say(element, "agentVersion", __version__)


def _identified(parent: ET.Element, name: str, value: str, kind: str = "UUID") -> None:
    _pair(ET.SubElement(parent, name), name, value, kind)


def _pair(element: ET.Element, name: str, value: str, kind: str) -> None:
    _say(element, f"{name}Type", kind)
    _say(element, f"{name}Value", value)


def _say(parent: ET.Element, name: str, text: str, term: str = "") -> None:
    attributes = {}
    if term:
        scheme = term.partition("/")[0]
        attributes = {
            "authority": scheme,
            "authorityURI": f"{TERMS}/{scheme}",
            "valueURI": f"{TERMS}/{term}",
        }
    ET.SubElement(parent, name, attributes).text = xml_text(text)
