"""Resources without downloads: the conformance kit's own, under the name that tests know them by."""

from __future__ import annotations

from udasa_core.testing import FakeEmbedder, FakeReader, FakeResources

__all__ = ["FakeEmbedder", "FakeReader", "FakeResources"]
