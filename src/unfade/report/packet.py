"""XMP packets as trees: read what a file brought, change a few properties, keep all the rest.

The tree keeps prefixes, order and comments. A packet from a file is not trusted: document types
and entities are refused, and so is a depth that no real packet has.

References:
    ISO 16684-1:2019, XMP data model, serialization and core properties.
"""

from __future__ import annotations

import re
import xml.dom.minidom
import xml.parsers.expat
from collections.abc import Iterable, Mapping
from xml.dom.minidom import Document, Element

SPACES = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "stEvt": "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#",
    "stRef": "http://ns.adobe.com/xap/1.0/sType/ResourceRef#",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "unfade": "https://unfade.invalid/ns/1.0/",
}
Fields = Mapping[str, str]
"""Values by name with prefix, such as `stEvt:action`."""

_XMLNS = "http://www.w3.org/2000/xmlns/"
_DEEPEST = 64
_BEGIN = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class PacketError(ValueError):
    """Bytes that are no XMP packet."""


def xml_text(text: str) -> str:
    """Text as XML can hold it: control characters and half surrogates become U+FFFD."""
    return _NOT_XML.sub("\ufffd", text)


def new_packet() -> Document:
    """An empty packet."""
    x, rdf = SPACES["x"], SPACES["rdf"]
    text = f'<x:xmpmeta xmlns:x="{x}"><rdf:RDF xmlns:rdf="{rdf}"/></x:xmpmeta>'
    return xml.dom.minidom.parseString(text)


def open_packet(data: bytes) -> Document:
    """Read a packet.

    Raises:
        PacketError: It is not well-formed, or not XMP.
    """
    data = data.strip(b"\0 \t\r\n")
    try:
        _check(data)
        tree = xml.dom.minidom.parseString(data)
        _root(tree)
    except (xml.parsers.expat.ExpatError, LookupError, ValueError) as error:
        raise PacketError(f"no XMP packet: {error}") from error
    return tree


def close_packet(tree: Document) -> bytes:
    """Write a packet in UTF-8, writable in place, without padding."""
    kept = [node for node in tree.childNodes if getattr(node, "target", "") != "xpacket"]
    return (_BEGIN + "".join(node.toxml() for node in kept) + '<?xpacket end="w"?>').encode()


def value_of(tree: Document, name: str) -> str:
    """The text of a simple property; empty where it is not there."""
    for node in _descriptions(tree):
        attribute = node.getAttributeNS(*_split(name))
        if attribute:
            return attribute
        for child in _children(node, name):
            text = "".join(part.data for part in child.childNodes if hasattr(part, "data"))
            return text.strip() or child.getAttributeNS(SPACES["rdf"], "resource")
    return ""


def drop(tree: Document, names: Iterable[str]) -> None:
    """Take out properties, however they are written."""
    for node in _descriptions(tree):
        for name in names:
            space, local = _split(name)
            if node.hasAttributeNS(space, local):
                node.removeAttributeNS(space, local)
            for child in list(_children(node, name)):
                node.removeChild(child)


def add(tree: Document, simple: Fields, structures: Mapping[str, Fields]) -> None:
    """Add properties in a description of their own.

    Args:
        simple: Text by property.
        structures: Fields by property.
    """
    description = _element(tree, "rdf:Description")
    description.setAttributeNS(SPACES["rdf"], "rdf:about", _about(tree))
    for name, text in simple.items():
        description.appendChild(_element(tree, name)).appendChild(_text(tree, text))
    for name, fields in structures.items():
        description.appendChild(_structure(tree, name, fields))
    _root(tree).appendChild(description)


def extend(tree: Document, name: str, entries: Iterable[Fields]) -> None:
    """Append structures to an ordered property, which is made where it is not there."""
    sequence = _sequence(tree, name)
    for fields in entries:
        sequence.appendChild(_structure(tree, "rdf:li", fields))


def _check(data: bytes) -> None:
    depth = 0

    def start(name: str, attributes: object) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise PacketError(f"more than {_DEEPEST} levels")

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1

    def refuse(*arguments: object) -> None:
        raise PacketError("a document type")

    parser = xml.parsers.expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartDoctypeDeclHandler = refuse
    parser.Parse(data, True)


def _split(name: str) -> tuple[str, str]:
    prefix, _, local = name.partition(":")
    return SPACES[prefix], local


def _root(tree: Document) -> Element:
    found = tree.getElementsByTagNameNS(*_split("rdf:RDF"))
    if not found:
        raise PacketError("there is no rdf:RDF in it")
    return found[0]


def _descriptions(tree: Document) -> list[Element]:
    return list(_children(_root(tree), "rdf:Description"))


def _children(node: Element, name: str) -> list[Element]:
    space, local = _split(name)
    return [
        child
        for child in node.childNodes
        if isinstance(child, Element) and (child.namespaceURI, child.localName) == (space, local)
    ]


def _about(tree: Document) -> str:
    """All descriptions of a packet are of the same thing, which most packets leave unnamed."""
    return next((node.getAttributeNS(*_split("rdf:about")) for node in _descriptions(tree)), "")


def _element(tree: Document, name: str) -> Element:
    """An element that declares its own prefix, whatever the packet calls that namespace."""
    prefix = name.partition(":")[0]
    element = tree.createElementNS(_split(name)[0], name)
    element.setAttributeNS(_XMLNS, f"xmlns:{prefix}", SPACES[prefix])
    return element


def _structure(tree: Document, name: str, fields: Fields) -> Element:
    element = _element(tree, name)
    element.setAttributeNS(_XMLNS, "xmlns:rdf", SPACES["rdf"])
    element.setAttributeNS(SPACES["rdf"], "rdf:parseType", "Resource")
    for field, text in fields.items():
        element.appendChild(_element(tree, field)).appendChild(_text(tree, text))
    return element


def _sequence(tree: Document, name: str) -> Element:
    for node in _descriptions(tree):
        for child in _children(node, name):
            for sequence in _children(child, "rdf:Seq"):
                return sequence
    description = _element(tree, "rdf:Description")
    description.setAttributeNS(SPACES["rdf"], "rdf:about", _about(tree))
    sequence = _element(tree, "rdf:Seq")
    description.appendChild(_element(tree, name)).appendChild(sequence)
    _root(tree).appendChild(description)
    return sequence


def _text(tree: Document, text: str) -> xml.dom.minidom.Text:
    return tree.createTextNode(xml_text(text))
