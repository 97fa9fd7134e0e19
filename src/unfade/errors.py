"""What can go wrong, as a tree. A caller's mistake is a `ValueError` and not in it.

UnfadeError
├── PhotoError        a file that is not a photo we can use
│   ├── ReadError     cannot be read: missing, damaged, too large, of another kind
│   └── WriteError    cannot be written: no room, no right, format cannot hold it
├── RecipeError       a recipe, stage or setting that does not exist or does not fit
├── ModelError        weights missing, altered or of another task
├── EngineError       an inference engine that is not installed or refused a network
├── SigningError      a certificate, key or library that cannot sign what was written
├── LedgerError       the record of an output folder is damaged or cannot be kept
├── EvaluationError photos, a method or a library that an evaluation cannot use
└── Cancelled         the user stopped the work; nothing half done is kept
"""


class UnfadeError(Exception):
    """Base of every error this library raises on purpose."""


class PhotoError(UnfadeError):
    """A file that is not a photo we can use."""


class ReadError(PhotoError):
    """A file that cannot be read as a photo."""


class WriteError(PhotoError):
    """A photo that cannot be written."""


class RecipeError(UnfadeError):
    """A recipe, stage or setting that does not exist or does not fit."""


class ModelError(UnfadeError):
    """Weights that are missing, altered or made for another task."""


class EngineError(UnfadeError):
    """An inference engine that is not installed or refused a network."""


class SigningError(UnfadeError):
    """A certificate, key or library that cannot sign what was written."""


class LedgerError(UnfadeError):
    """The record of an output folder that is missing, damaged or cannot be kept."""


class EvaluationError(UnfadeError):
    """Photos, a method or a library that an evaluation cannot use."""


class Cancelled(UnfadeError):
    """The user stopped the work."""
