"""The first page, when there is nothing to see to."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client


@pytest.mark.usefixtures("server")
def test_an_empty_page_says_how_long_is_too_long(viewer: Client, settings: Any) -> None:
    settings.LATE_AFTER, settings.STUCK_AFTER = 90, 1200
    page = viewer.get("/").content.decode()
    assert "Nothing needs attention" in page
    assert "for 1 min 30 s is late (LATE_AFTER of the configuration), for 20 min stuck (STUCK_AFTER)" in page
