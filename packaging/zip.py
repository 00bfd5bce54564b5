"""Makes a zip archive of a folder, with a list of checksums in it. The same files make the same archive.

Usage: zip.py FOLDER ARCHIVE, with the time of all files in SOURCE_DATE_EPOCH.
"""

import hashlib
import os
import pathlib
import sys
import time
import zipfile


def main() -> None:
    folder, archive = map(pathlib.Path, sys.argv[1:])
    # The format begins in 1980.
    when = time.gmtime(max(int(os.environ["SOURCE_DATE_EPOCH"]), 315532800))[:6]
    sums = folder / "SHA256SUMS"
    sums.unlink(missing_ok=True)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n" for path in files]
    sums.write_text("".join(lines))
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in sorted([*files, sums]):
            information = zipfile.ZipInfo(f"{folder.name}/{path.relative_to(folder).as_posix()}", when)
            information.compress_type = zipfile.ZIP_DEFLATED
            information.external_attr = 0o644 << 16
            zipped.writestr(information, path.read_bytes())


if __name__ == "__main__":
    main()
