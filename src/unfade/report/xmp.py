"""The XMP packet of a restored photo: its own, with what was done added.

Everything the packet said stays, except the properties that tell of the file itself: who it is
(`xmpMM`), when it was written, what kind of picture it is. The history grows by one entry for
each stage that changed pixels and one for the saving. Nothing here depends on the clock, on paths
or on how long it took, so that a replay writes the same bytes.

References:
    ISO 16684-1:2019 (XMP, with the properties of `xmpMM:History`); IPTC Photo Metadata Standard.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.dom.minidom import Document

from .. import __version__
from ..photo import Origin, Photo, Step
from .deed import Deed, identifier, marked_steps
from .history import embedded_json
from .packet import (
    PacketError,
    add,
    close_packet,
    drop,
    extend,
    new_packet,
    open_packet,
    value_of,
)
from .pictures import LOOKS
from .source_type import digital_source_type, most_invented

AGENT = f"unfade {__version__}"
LARGEST_JPEG = 60_000
"""A JPEG segment holds 65,535 bytes; a packet that does not fit would be lost."""

OWN = (
    *("xmp:ModifyDate", "xmp:MetadataDate", "xmpMM:DocumentID", "xmpMM:InstanceID"),
    *("xmpMM:OriginalDocumentID", "xmpMM:DerivedFrom", "Iptc4xmpExt:DigitalSourceType"),
    *("tiff:Orientation", "unfade:History", "unfade:DigitizedAs"),
)
"""What is taken out of a photo's packet: it is said anew, or no longer true."""

_ACTIONS = {Origin.DENOISED: "filtered", Origin.GENERATED: "generated"}


def provenance_packet(photo: Photo, deed: Deed, format: str) -> bytes | None:
    """Make the packet that a restored photo is written with.

    Args:
        photo: As it came out of `run`.
        deed: What was done.
        format: Of the file it goes into. In `jpeg` the history as JSON is left out where the
            packet would not fit; the entries of `xmpMM:History` stay.
    Returns:
        The packet, or None where the photo's own cannot be read or leaves no room: it is then
        kept as it is.
    """
    own = photo.metadata.fields.get("xmp-data")
    packets = (_packet(photo, deed, own, with_json) for with_json in (True, False))
    try:
        return next((p for p in packets if format != "jpeg" or len(p) <= LARGEST_JPEG), None)
    except PacketError:
        return None


def source_type_before(photo: Photo) -> str:
    """The digital source type that a photo's own packet states; empty where it states none."""
    own = photo.metadata.fields.get("xmp-data")
    try:
        return value_of(open_packet(own), "Iptc4xmpExt:DigitalSourceType") if own else ""
    except PacketError:
        return ""


def _packet(photo: Photo, deed: Deed, own: bytes | None, with_json: bool) -> bytes:
    tree = open_packet(own) if own else new_packet()
    simple = _properties(tree, photo, deed)
    if with_json:
        simple["unfade:History"] = embedded_json(photo, deed.about, deed.when)
    derived = _derived_from(tree, deed)
    drop(tree, OWN)
    extend(tree, "xmpMM:History", _events(photo, deed))
    add(tree, simple, {"xmpMM:DerivedFrom": derived})
    return close_packet(tree)


def _properties(tree: Document, photo: Photo, deed: Deed) -> dict[str, str]:
    before = value_of(tree, "Iptc4xmpExt:DigitalSourceType")
    kind = digital_source_type(most_invented(photo), photo.metadata.medium, before)
    digitized = digital_source_type(Origin.UNTOUCHED, photo.metadata.medium, before)
    first = value_of(tree, "xmpMM:OriginalDocumentID") or value_of(tree, "xmpMM:DocumentID")
    said = {
        "xmp:ModifyDate": deed.when,
        "xmp:MetadataDate": deed.when,
        "xmpMM:DocumentID": f"xmp.did:{deed.key}",
        "xmpMM:InstanceID": f"xmp.iid:{deed.key}",
        "xmpMM:OriginalDocumentID": first or f"xmp.did:{_source(deed)}",
        "Iptc4xmpExt:DigitalSourceType": kind,
        "unfade:DigitizedAs": digitized if digitized != kind else "",
        "tiff:Orientation": "1" if value_of(tree, "tiff:Orientation") else "",
    }
    return {name: text for name, text in said.items() if text}


def _derived_from(tree: Document, deed: Deed) -> dict[str, str]:
    source = _source(deed)
    return {
        "stRef:documentID": value_of(tree, "xmpMM:DocumentID") or f"xmp.did:{source}",
        "stRef:instanceID": value_of(tree, "xmpMM:InstanceID") or f"xmp.iid:{source}",
    }


def _source(deed: Deed) -> str:
    return identifier(deed.inputs["photo"].sha256)


def _events(photo: Photo, deed: Deed) -> list[dict[str, str]]:
    events = [
        _event(deed, _ACTIONS.get(mark, "edited"), _parameters(step, mark))
        for step, mark in marked_steps(photo, deed.recipe)
        if step.changed_pixels
    ]
    saved = f"recipe {deed.recipe.name}; from a file with SHA-256 {deed.inputs['photo'].sha256}"
    return [*events, _event(deed, "saved", saved)]


def _event(deed: Deed, action: str, parameters: str) -> dict[str, str]:
    return {
        "stEvt:action": action,
        "stEvt:instanceID": f"xmp.iid:{deed.key}",
        "stEvt:when": deed.when,
        "stEvt:softwareAgent": AGENT,
        "stEvt:changed": "/",
        "stEvt:parameters": parameters,
    }


def _parameters(step: Step, mark: Origin) -> str:
    settings = _listed(step.settings)
    models = ", ".join(f"{name} {digest[:16]}" for name, digest in step.models.items())
    parts = [
        f"{step.stage}: {step.changed_pixels} pixels {LOOKS[mark].words}",
        settings,
        f"weights {models} on {step.engine}" if models else "",
    ]
    return "; ".join(filter(None, parts))


def _listed(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items())
