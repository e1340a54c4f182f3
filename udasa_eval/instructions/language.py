"""What language a text is in, told by langdetect, the same for the same text."""

from __future__ import annotations

from functools import cache
from typing import Any

from udasa_core import UdasaError


def language_of(text: str) -> str | None:
    """Return a text's language by its code ("en", "fr", "zh-cn"), None where it has nothing to go by.

    Of few words the answer is often wrong. The detector draws at random inside; it is seeded for each text.
    Raises UdasaError where langdetect is not installed.
    """
    module, factory = detection()
    detector = factory.create()
    detector.append(text)
    try:
        return str(detector.detect())
    except module.LangDetectException:
        # Digits, signs, an address: no letter that any profile knows.
        return None


@cache
def detection() -> tuple[Any, Any]:
    """Return langdetect's module and its factory, with all profiles. Raises UdasaError where none is."""
    try:
        from langdetect import detector_factory
    except ImportError as error:
        raise UdasaError(
            "langdetect is not installed, which tells the language of responses\n    → pip install langdetect"
        ) from error
    factory = detector_factory.DetectorFactory()
    factory.load_profile(detector_factory.PROFILES_DIRECTORY)
    factory.set_seed(0)
    return detector_factory, factory
