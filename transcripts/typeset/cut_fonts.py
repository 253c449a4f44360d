"""Cut the fonts of our documents from their sources; see fonts/README.md for where those are.

    python transcripts/typeset/cut_fonts.py FOLDER_OF_UNPACKED_NPM_PACKAGES FOLDER_OF_NOTO_FONTS...

Typst wants static fonts, so each weight is an instance of its own. The npm packages come in one
file for each script: each file becomes a family of its own ("Newsreader", "Newsreader Ext", ...),
and the template names them one after the other.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

OUT = Path(__file__).parent / "fonts"

SCRIPTS = {
    "latin": "",
    "latin-ext": " Ext",
    "vietnamese": " Vi",
    "greek": " Greek",
    "cyrillic": " Cyrillic",
}

# file stem, family, style, axes
CUTS = [
    ("newsreader-{script}-opsz-normal", "Newsreader", "Regular", {"wght": 400, "opsz": 30}),
    ("newsreader-{script}-opsz-normal", "Newsreader", "SemiBold", {"wght": 600, "opsz": 30}),
    ("newsreader-{script}-opsz-italic", "Newsreader", "Italic", {"wght": 400, "opsz": 18}),
    ("source-sans-3-{script}-wght-normal", "Source Sans 3", "Regular", {"wght": 400}),
    ("source-sans-3-{script}-wght-normal", "Source Sans 3", "SemiBold", {"wght": 600}),
]

NOTO = [
    "NotoNaskhArabic-Regular.ttf",
    "NotoSansHebrew-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
]

WEIGHTS = {"Regular": 400, "Italic": 400, "SemiBold": 600}


def rename(font: TTFont, family: str, style: str) -> None:
    names = font["name"]
    full, post = f"{family} {style}", f"{family}-{style}".replace(" ", "")
    values = {1: family, 2: style, 3: post, 4: full, 6: post, 16: family, 17: style}
    names.names = [record for record in names.names if record.nameID in {0, 13, 14}]
    for name_id, value in values.items():
        names.setName(value, name_id, 3, 1, 0x409)
    font["OS/2"].usWeightClass = WEIGHTS[style]
    italic = style == "Italic"
    font["OS/2"].fsSelection = 0x01 if italic else 0x40 if style == "Regular" else 0
    font["head"].macStyle = 2 if italic else 0


def cut(source: Path, family: str, style: str, axes: dict[str, int]) -> None:
    font = TTFont(source)
    font.flavor = None
    font = instancer.instantiateVariableFont(font, axes)
    rename(font, family, style)
    font.save(OUT / f"{family}-{style}.ttf".replace(" ", ""))


def common_han() -> set[int]:
    """Characters of the national standards for everyday Chinese, Japanese and Korean."""
    found: set[int] = set()
    for codec in ("gb2312", "big5", "shift_jis", "euc_kr"):
        for high in range(0x81, 0xFF):
            for low in range(0x40, 0xFF):
                try:
                    text = bytes([high, low]).decode(codec)
                except UnicodeDecodeError:
                    continue
                found.update(ord(character) for character in text)
    return {code for code in found if 0x3000 <= code <= 0xFFEF}


def main(npm: Path, noto: list[Path]) -> None:
    OUT.mkdir(exist_ok=True)
    for stem, family, style, axes in CUTS:
        for script, suffix in SCRIPTS.items():
            for source in npm.rglob(stem.format(script=script) + ".woff2"):
                cut(source, family + suffix, style, axes)
    for name in NOTO:
        source = next(path for folder in noto for path in folder.rglob(name))
        subset.main(
            [str(source), "--unicodes=*", "--layout-features=*", "--no-hinting", "--name-IDs=*",
             f"--output-file={OUT / name}"]
        )  # fmt: skip
    cjk = next(path for folder in noto for path in folder.rglob("NotoSansCJK-Regular.ttc"))
    codes = ",".join(f"{code:x}" for code in sorted(common_han()))
    listing = OUT / "codes.txt"
    listing.write_text(codes)
    subset.main(
        [str(cjk), "--font-number=2", f"--unicodes-file={listing}", "--layout-features=",
         "--no-hinting", "--desubroutinize", "--name-IDs=*",
         f"--output-file={OUT / 'NotoSansCJK-Regular.otf'}"]
    )  # fmt: skip
    listing.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(argument) for argument in sys.argv[2:]])
