"""libvips as photos need it; to import this module is enough.

- It keeps no results. By default it answers with what it read before under the same file name,
  though another scan may lie there now, and holds up to 100 MB of results that nobody asks for.
- What it complains about is text. It quotes the bytes of a broken file, or the name of a profile
  in Latin-1, and pyvips insists on UTF-8: an error would become another error, and a warning a
  traceback on stderr. Such bytes are written as escapes.
"""

from __future__ import annotations

import re
from typing import Any

import pyvips
import pyvips.error


def reason(error: Exception) -> str:
    """What libvips complained about, in one line without its own names."""
    text = getattr(error, "detail", "") or str(error)
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    told = [line for line in lines if "bad seek" not in line and "unable to call" not in line]
    return "; ".join(dict.fromkeys(re.sub(r"^\w+: ", "", line) for line in told[:2])) or "damaged"


def said(image: Any, name: str) -> Any:
    """A field of an image, or None where it has none."""
    return image.get(name) if image.get_typeof(name) else None


def _decode(pointer: Any) -> str:
    """Text of libvips; takes the place of `pyvips.error._to_string` for errors and warnings."""
    if pointer == pyvips.ffi.NULL:
        return "NULL"
    found = pyvips.ffi.string(pointer)
    return found.decode("utf-8", "backslashreplace") if isinstance(found, bytes) else found


pyvips.cache_set_max(0)
pyvips._to_string = pyvips.error._to_string = _decode
