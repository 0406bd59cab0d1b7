"""What the package raises."""


class LibraryError(ImportError):
    """libburr cannot be used; the message says what to do."""


class StoreError(OSError):
    """The store cannot be made, written or read."""


class DroppedRecordsError(RuntimeError):
    """Records were dropped: the store took none for longer than wait_ms, or refused them."""


class UnserializableError(ValueError):
    """A value cannot be recorded; the message names its field. Only with unserializable="raise"."""
