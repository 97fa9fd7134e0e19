"""Content Credentials: a signed C2PA manifest in the output, with the user's own certificate.

The manifest names the input as the parent, tells each stage that changed pixels as an action with
its IPTC digital source type, and is signed. Nothing is fetched: no time-stamp authority is asked
and no certificate status, so the signature states the time of this machine.

References:
    C2PA Technical Specification 2.2, sections 13.2 (signatures) and 18.16 (actions).
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np

from .. import __version__
from ..errors import SigningError
from ..photo import Origin, Photo
from .deed import Deed, marked_steps
from .pictures import LOOKS
from .record import Output
from .source_type import SCHEME, digital_source_type

MIME = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "tiff": "image/tiff",
    "webp": "image/webp",
    "heif": "image/heif",
    "avif": "image/avif",
}
STARTS = {b"\xff\xd8": "jpeg", b"\x89PNG": "png", b"II": "tiff", b"MM": "tiff"}
BOXES = {b"WEBP": "webp", b"avif": "avif"}
"""Pictures by their first bytes, or by bytes 8 to 12."""

AGENT = {"name": "unfade", "version": __version__}
PARENT = "parent"

ACTIONS: Mapping[Origin, str] = {
    Origin.TONE: "c2pa.adjustedColor",
    Origin.DENOISED: "c2pa.enhanced",
}
"""Actions that change nothing of what a photo tells; every other one is an edit."""

ALGORITHMS = {
    bytes.fromhex("06082a8648ce3d030107"): "es256",
    bytes.fromhex("06052b81040022"): "es384",
    bytes.fromhex("06052b81040023"): "es512",
    bytes.fromhex("06092a864886f70d010101"): "ps256",
    bytes.fromhex("06032b6570"): "ed25519",
}
"""Object identifiers of keys in DER (curves P-256, P-384, P-521; RSA; Ed25519)."""

SETTINGS = {
    "version": 1,
    "verify": {"verify_after_sign": True, "remote_manifest_fetch": False, "ocsp_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},
}


@dataclasses.dataclass(frozen=True)
class Certificate:
    """PEM files of a certificate with its chain, and of its private key."""

    chain: str
    key: str


def sign(path: Path, output: Output, photo: Photo, deed: Deed, certificate: Certificate) -> None:
    """Put a signed manifest into a file, in place.

    Args:
        path: The file, under whatever name it has for now.
        output: What it is.
        photo: As it came out of `run`.
        deed: What was done.
        certificate: Whose word it is.
    Raises:
        SigningError: The `c2pa` extra is not installed, or certificate or key do not do.
    """
    source = deed.inputs["photo"].path
    signed = path.with_name(path.name + ".raw")
    try:
        with path.open("rb") as unsigned, source.open("rb") as parent, signed.open("w+b") as target:
            _sign(certificate, manifest(photo, deed, output), unsigned, target, parent)
        signed.replace(path)
    except SigningError as error:
        raise SigningError(f"{output.path.name} cannot be signed: {error}") from error
    finally:
        signed.unlink(missing_ok=True)


def check(certificate: Certificate) -> None:
    """Try a certificate on a picture of one pixel, before hours of work end without a signature.

    Raises:
        SigningError: As in `sign`.
    """
    _, pixel = cv2.imencode(".png", np.zeros((1, 1, 3), np.uint8))
    made = {"action": "c2pa.created", "digitalSourceType": f"{SCHEME}algorithmicMedia"}
    try:
        _sign(certificate, _told("png", [made]), io.BytesIO(pixel.tobytes()), io.BytesIO())
    except SigningError as error:
        raise SigningError(f"{certificate.chain}, {certificate.key}: {error}") from error


def manifest(photo: Photo, deed: Deed, output: Output) -> dict[str, Any]:
    """What is signed: the opened parent, and an action for each stage that changed pixels."""
    opened: dict[str, Any] = {"action": "c2pa.opened", "parameters": {"ingredientIds": [PARENT]}}
    actions = [opened]
    for step, mark in marked_steps(photo, deed.recipe):
        if step.changed_pixels:
            words = f"{step.stage}: {step.changed_pixels} pixels {LOOKS[mark].words}"
            actions.append(
                {
                    "action": ACTIONS.get(mark, "c2pa.edited"),
                    "description": words,
                    "digitalSourceType": digital_source_type(mark),
                    "softwareAgent": AGENT,
                    "when": deed.when,
                }
            )
    return {"title": _title(output.path), **_told(output.format, actions)}


def _told(format: str, actions: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "claim_generator_info": [AGENT],
        "format": MIME[format],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}],
    }


def algorithm(key: str) -> str:
    """The signing algorithm for a private key in PEM.

    Raises:
        SigningError: It is encrypted, not PKCS #8, or of a kind that C2PA does not know.
    """
    found = re.search("-----BEGIN ([A-Z ]+)-----([^-]+)-----END", key)
    if found is None or found[1] != "PRIVATE KEY":
        kind = found[1] if found else "no PEM"
        raise SigningError(
            f"the key must be PEM with 'PRIVATE KEY' (PKCS #8, not encrypted), got {kind}; "
            "openssl pkcs8 -topk8 -nocrypt turns other kinds into it"
        )
    try:
        head = base64.b64decode(found[2])[:48]
    except binascii.Error as error:
        raise SigningError(f"the key is damaged: {error}") from error
    known = (name for number, name in ALGORITHMS.items() if number in head)
    name = next(known, "")
    if not name:
        raise SigningError("the key must be of P-256, P-384, P-521, RSA or Ed25519")
    return name


def _sign(
    certificate: Certificate,
    definition: dict[str, Any],
    unsigned: BinaryIO,
    target: BinaryIO,
    parent: BinaryIO | None = None,
) -> None:
    """Copy a picture from one stream to another, with a signed manifest in it."""
    c2pa, mime = _library(), definition["format"]
    try:
        chain = Path(certificate.chain).read_text("ascii")
        key = Path(certificate.key).read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise SigningError(f"certificate and key must be PEM files: {error}") from error
    info = c2pa.C2paSignerInfo(algorithm(key), chain.encode(), key.encode(), None)
    try:
        with (
            c2pa.Signer.from_info(info) as signer,
            c2pa.Context(settings=c2pa.Settings.from_dict(SETTINGS)) as context,
            c2pa.Builder(definition, context=context) as builder,
        ):
            if parent is not None:
                kind, told = _kind_of(parent), {"relationship": "parentOf", "label": PARENT}
                builder.add_ingredient({"title": _title(parent.name), **told}, kind, parent)
            builder.sign(signer, mime, unsigned, target)
    except c2pa.C2paError as error:
        raise SigningError(" ".join(str(error).split())) from error


def _title(path: str | Path) -> str:
    """The name of a file as text; names in another encoding than UTF-8 lose what is not in it."""
    return Path(path).name.encode("utf-8", "replace").decode()


def _kind_of(file: BinaryIO) -> str:
    """The kind of a picture by its first bytes; its name may say anything."""
    head = file.read(16)
    file.seek(0)
    for mark, name in STARTS.items():
        if head.startswith(mark):
            return MIME[name]
    return MIME[BOXES.get(head[8:12], "heif")]


def _library() -> Any:
    try:
        import c2pa
    except ImportError as error:
        raise SigningError(
            f"signing needs the C2PA library: pip install 'unfade[c2pa]' ({error})"
        ) from error
    return c2pa
