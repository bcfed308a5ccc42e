"""Fetch the front-end libraries into static/vendor/ and write down what they are.

Run by hand when a version changes (`python scripts/vendor.py`, needs npm); the files are committed, so nobody else
needs node. `tests/test_static.py` hashes the files again, so that a changed byte does not go unseen.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

VENDOR = Path(__file__).resolve().parent.parent / "static" / "vendor"
# A manifest storage looks for the map a comment names and fails when it was not shipped.
SOURCE_MAP = re.compile(rb"\n?(?://[#@]|/\*[#@])\s*sourceMappingURL=[^\n]*")


@dataclass(frozen=True)
class Package:
    """One npm package: exact version, files to take (paths inside the package), licence and the file it stands in."""

    name: str
    version: str
    files: tuple[str, ...]
    licence: str
    licence_file: str = "LICENSE"


PACKAGES = (Package("idiomorph", "0.8.0", ("dist/idiomorph.min.js",), "0BSD"),)


def main() -> None:
    """Replace static/vendor/ by what PACKAGES says."""
    shutil.rmtree(VENDOR, ignore_errors=True)
    manifest = [_vendor(package) for package in PACKAGES]
    (VENDOR / "MANIFEST.json").write_text(json.dumps(manifest, indent=2) + "\n")


def integrity(content: bytes) -> str:
    """The hash of a file in the form of the `integrity` attribute."""
    return "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()


def without_source_map(content: bytes) -> bytes:
    """The file without the comment that points to its source map."""
    return SOURCE_MAP.sub(b"", content)


def _vendor(package: Package) -> dict[str, object]:
    folder = VENDOR / f"{package.name}-{package.version}"
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        source = _unpacked(package, Path(scratch))
        shutil.copyfile(source / package.licence_file, folder / "LICENSE")
        for name in package.files:
            (folder / Path(name).name).write_bytes(without_source_map((source / name).read_bytes()))
    hashes = {path.name: integrity(path.read_bytes()) for path in sorted(folder.iterdir())}
    return {"name": package.name, "version": package.version, "licence": package.licence, "files": hashes}


def _unpacked(package: Package, scratch: Path) -> Path:
    command = ["npm", "pack", "--silent", f"{package.name}@{package.version}"]
    archive = subprocess.run(command, cwd=scratch, check=True, capture_output=True, text=True).stdout.split()[-1]
    with tarfile.open(scratch / archive) as packed:
        packed.extractall(scratch, filter="data")
    return scratch / "package"


if __name__ == "__main__":
    main()
