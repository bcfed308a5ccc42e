"""Style sheets and scripts of a page: one file each where they were prepared, else the files as they lie."""

from __future__ import annotations

from django import template
from django.contrib.staticfiles.storage import staticfiles_storage

from dashboard.assets.storage import ALL_SCRIPTS, ENTRIES, SCRIPTS, SHEETS, STYLES

register = template.Library()


@register.inclusion_tag("streamgauge/parts/_styles.html")
def styles() -> dict[str, object]:
    """Links to the style sheets, in their order."""
    return {"names": (STYLES,) if _is_prepared() else SHEETS}


@register.inclusion_tag("streamgauge/parts/_scripts.html")
def scripts(live: bool) -> dict[str, object]:
    """The modules of a page. `live`: with those that follow news."""
    if _is_prepared():
        return {"names": (ALL_SCRIPTS if live else SCRIPTS,)}
    return {"names": ENTRIES if live else ENTRIES[:1]}


def _is_prepared() -> bool:
    return bool(getattr(staticfiles_storage, "is_prepared", False))
