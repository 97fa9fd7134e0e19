"""Signing: a manifest by the user's certificate that reads back as valid, and clear refusals."""

import datetime
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.errors import SigningError
from unfade.io.read import read
from unfade.io.write import write, write_plane
from unfade.jobs.job import Job
from unfade.jobs.outcome import State
from unfade.jobs.run import run_job
from unfade.models.zoo import checksum
from unfade.photo import Photo
from unfade.recipe import Recipe
from unfade.report.credentials import Certificate, algorithm, check
from unfade.report.papers import Papers
from unfade.report.record import read_sidecar, sidecar_path
from unfade.stages import STAGES

c2pa = pytest.importorskip("c2pa")
x509 = pytest.importorskip("cryptography.x509")
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # noqa: E402

KEYS = {
    "es256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "es384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "es512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ps256": lambda: rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}
MIME = {".jpg": "image/jpeg", ".png": "image/png", ".tif": "image/tiff", ".webp": "image/webp"}


def certify(subject, key, issuer, by, is_root):
    """A certificate for a key, as C2PA wants it."""
    today = datetime.datetime.now(datetime.UTC)
    names = [x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "An Archive")]
    unused = (
        *("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
        *("crl_sign", "encipher_only", "decipher_only"),
    )
    usage = dict.fromkeys(unused, False)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([*names, x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([*names, x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=9))
        .add_extension(x509.BasicConstraints(is_root, None), True)
        .add_extension(
            x509.KeyUsage(digital_signature=not is_root, key_cert_sign=is_root, **usage), True
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), False)
    )
    if not is_root:
        email = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(email, False)
    return builder.sign(by, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def chain(folder, kind="es256", form=serialization.PrivateFormat.PKCS8, secret=None):
    """A certificate chain and a key in PEM, made for the test."""
    root, leaf = KEYS["es256"](), KEYS[kind]()
    lock = serialization.BestAvailableEncryption(secret) if secret else serialization.NoEncryption()
    (folder / "chain.pem").write_bytes(
        certify("Signer", leaf, "Root", root, False) + certify("Root", root, "Root", root, True)
    )
    (folder / "key.pem").write_bytes(leaf.private_bytes(serialization.Encoding.PEM, form, lock))
    return Certificate(str(folder / "chain.pem"), str(folder / "key.pem"))


def manifest_of(path):
    with path.open("rb") as file, c2pa.Reader(MIME[path.suffix], file) as reader:
        return json.loads(reader.json()), reader.get_active_manifest()


def restore(source, target, certificate, *stages):
    mask = np.zeros((40, 50), np.float32)
    mask[10:14] = 1
    write_plane(mask, source.with_name("mask.png"))
    papers = Papers(sidecar=True, certificate=certificate.chain, key=certificate.key)
    return run_job(
        Job(
            *(str(source), str(target), Recipe("fill", stages)),
            mask=str(source.with_name("mask.png")),
            papers=papers,
        ),
        Darkroom("openvino-fp32", threads=1),
    )


FILL = (STAGES["damage"](), STAGES["inpaint"]())


@pytest.mark.parametrize("suffix", list(MIME))
def test_a_signed_photo_reads_back_as_valid_with_what_was_done(tmp_path, suffix):
    pixels = np.random.default_rng(0).integers(0, 65536, (40, 50, 3), dtype=np.uint16)
    source, target = tmp_path / f"scan{suffix}", tmp_path / f"new{suffix}"
    write(Photo.from_array(pixels), source)
    outcome = restore(source, target, chain(tmp_path), *FILL)
    assert outcome.state is State.DONE, outcome.message
    store, manifest = manifest_of(target)
    assert store["validation_state"] == "Valid"
    (actions,) = [a["data"]["actions"] for a in manifest["assertions"] if "actions" in a["label"]]
    assert [action["action"] for action in actions] == ["c2pa.opened", "c2pa.edited"]
    assert actions[1]["digitalSourceType"].endswith("/algorithmicallyEnhanced")
    assert "inpaint" in actions[1]["description"]
    (parent,) = manifest["ingredients"]
    assert (parent["relationship"], parent["title"]) == ("parentOf", source.name)
    assert manifest["signature_info"]["issuer"] == "An Archive"


def test_signing_changes_neither_pixels_nor_other_metadata(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 65536, (40, 50, 3), dtype=np.uint16)
    write(Photo.from_array(pixels), tmp_path / "scan.tif")
    restore(tmp_path / "scan.tif", tmp_path / "new.tif", chain(tmp_path), *FILL)
    told = read_sidecar(sidecar_path(tmp_path / "new.tif"))
    signed = read(tmp_path / "new.tif")
    assert told["output"]["sha256"] == checksum(tmp_path / "new.tif")
    assert told["output"]["sha256_before_signing"] not in (None, told["output"]["sha256"])
    assert b"xmpMM:History" in signed.metadata.fields["xmp-data"]
    untouched = np.delete(signed.to_array(), np.s_[10:14], axis=0)
    assert np.array_equal(untouched, np.delete(pixels, np.s_[10:14], axis=0))


def test_a_changed_byte_breaks_the_signature(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 65536, (40, 50, 3), dtype=np.uint16)
    write(Photo.from_array(pixels), tmp_path / "scan.tif")
    restore(tmp_path / "scan.tif", tmp_path / "new.tif", chain(tmp_path), *FILL)
    data = bytearray((tmp_path / "new.tif").read_bytes())
    data[200] ^= 1
    (tmp_path / "new.tif").write_bytes(data)
    assert manifest_of(tmp_path / "new.tif")[0]["validation_state"] == "Invalid"


def test_a_photo_in_which_nothing_changed_is_signed_as_opened_only(tmp_path):
    write(Photo.from_array(np.zeros((40, 50, 3), np.uint8)), tmp_path / "scan.png")
    outcome = restore(tmp_path / "scan.png", tmp_path / "new.png", chain(tmp_path))
    assert outcome.state is State.DONE, outcome.message
    _, manifest = manifest_of(tmp_path / "new.png")
    (actions,) = [a["data"]["actions"] for a in manifest["assertions"] if "actions" in a["label"]]
    assert [action["action"] for action in actions] == ["c2pa.opened"]
    told = read_sidecar(sidecar_path(tmp_path / "new.png"))
    assert told["output"]["sha256_before_signing"] == told["inputs"]["photo"]["sha256"]


@pytest.mark.parametrize("kind", list(KEYS))
def test_every_kind_of_key_is_known(tmp_path, kind):
    certificate = chain(tmp_path, kind)
    assert algorithm(Path(certificate.key).read_text()) == kind
    check(certificate)


def test_keys_and_certificates_that_do_not_do_are_refused(tmp_path):
    certificate = chain(tmp_path, form=serialization.PrivateFormat.TraditionalOpenSSL)
    with pytest.raises(SigningError, match="PKCS #8"):
        check(certificate)
    with pytest.raises(SigningError, match="not encrypted"):
        check(chain(tmp_path, secret=b"secret"))
    with pytest.raises(SigningError, match="must be PEM files"):
        check(Certificate(str(tmp_path / "none.pem"), certificate.key))
    other = chain(tmp_path)
    for pem in ("no certificate", Path(certificate.chain).read_text()[:400]):
        Path(other.chain).write_text(pem)
        with pytest.raises(SigningError, match=r"chain\.pem"):
            check(other)


def test_a_certificate_for_another_key_leaves_no_output(tmp_path):
    certificate = chain(tmp_path)
    stranger = KEYS["es256"]().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    Path(certificate.key).write_bytes(stranger)
    with pytest.raises(SigningError, match=r"chain\.pem"):
        check(certificate)
    write(Photo.from_array(np.zeros((40, 50, 3), np.uint8)), tmp_path / "scan.png")
    outcome = restore(tmp_path / "scan.png", tmp_path / "new.png", certificate, *FILL)
    assert outcome.state is State.FAILED and "cannot be signed" in outcome.message
    assert not [path.name for path in tmp_path.iterdir() if "new" in path.name]


def test_without_the_library_it_says_what_to_install():
    code = (
        "import sys; sys.modules['c2pa'] = None\n"
        "from unfade.report.credentials import Certificate, check\n"
        "check(Certificate('a', 'b'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "SigningError" in done.stderr and "pip install 'unfade[c2pa]'" in done.stderr
