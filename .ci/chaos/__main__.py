"""python -m chaos: rounds of harm in both modes, a table of what came of them, and 1 on a breach.

Everything it starts (PostgreSQL, Redis, workers, beat) is its own, on loopback and in a folder that
goes when all is well.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MODES = {"embedded": "SQLite, broker on SQLite", "production": "PostgreSQL, Redis"}
ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass
class Row:
    """What came of all rounds of one kind."""

    rounds: int = 0
    lost: int = 0
    doubled: int = 0
    half: int = 0
    resent: int = 0
    slowest: float = 0.0


def main() -> int:
    options = _options()
    if options.mode:
        return _run_mode(options)
    folder = Path(tempfile.mkdtemp(prefix="ce-portal-chaos-"))
    folder.chmod(0o755)  # PostgreSQL, which is not root, must find its own folder below
    seed = options.seed if options.seed is not None else int(time.time())
    sys.stdout.write(f"Seed {seed}\n")
    sys.stdout.flush()
    modes = options.modes.split(",")
    begun = time.monotonic()
    is_well = True
    for mode in modes:
        code = subprocess.run(
            [
                *(sys.executable, "-m", "chaos", "--mode", mode, "--folder", str(folder / mode)),
                *("--rounds", str(-(-options.rounds // len(modes))), "--seed", str(seed)),
                *("--only", options.only),
            ],
            cwd=ROOT,
            env=_environment(mode, folder / mode),
            check=False,
        ).returncode
        is_well = is_well and code == 0
    total = 0
    for mode in modes:
        results = folder / mode / "results.jsonl"
        lines = results.read_text().splitlines() if results.exists() else []
        total += len(lines)
        _print_table(MODES[mode], [json.loads(line) for line in lines])
    minutes = (time.monotonic() - begun) / 60
    if is_well and total:
        sys.stdout.write(
            f"\n{total} rounds in {minutes:.1f} minutes: nothing lost, doubled or half-written.\n"
        )
        shutil.rmtree(folder)
        return 0
    sys.stdout.write(
        f"\n{total} rounds in {minutes:.1f} minutes: see the breaches above. "
        f"Seed {seed}; logs in {folder}.\n"
    )
    return 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=220, help="in all, over both modes")
    parser.add_argument("--only", default="", help="kinds whose name has one of these, with commas")
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--seed", type=int, help="of an earlier run, to repeat it")
    parser.add_argument("--mode", default="", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _environment(mode: str, folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        # Empty, not absent: what is absent is read from a file .env.
        "DATABASE_URL": "",
        "REDIS_URL": "",
        "CERTIFICATES_BUCKET": "",
        "MEDIA_ROOT": str(folder / "var" / "media"),
        "VAR_DIR": str(folder / "var"),
        "CHAOS_DIR": str(folder / "traps"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / ".ci")]),
        "DJANGO_SETTINGS_MODULE": "chaos.settings",
        # Secrets of nobody: these servers are gone when the suite is.
        "SECRET_KEY": "of-a-chaos-suite-that-nobody-can-reach-0123456789abcdef",
        "ALLOWED_HOSTS": "localhost",
        "DEFAULT_FROM_EMAIL": "chaos@example.com",
        "SITE_URL": "https://chaos.example",
        "SIGNING_KEY_PASSWORD": "-",
        "SIGNING_KEY_FILE": "" if mode == "embedded" else __file__,  # never opened: see settings
    }


def _print_table(title: str, results: list[dict[str, Any]]) -> None:
    rows: dict[str, Row] = defaultdict(Row)
    for result in results:
        row = rows[result["kind"]]
        row.rounds += 1
        for count in ("lost", "doubled", "half"):
            setattr(row, count, getattr(row, count) + len(result[count]))
        row.resent += result["resent"]
        row.slowest = max(row.slowest, result["took"])
    say = sys.stdout.write
    say(
        f"\n{title}\n{'':44}{'rounds':>8}{'lost':>8}{'doubled':>8}{'half':>8}{'resent':>8}{'slowest':>10}\n"
    )
    for kind, row in rows.items():
        say(
            f"{kind:44}{row.rounds:>8}{row.lost:>8}{row.doubled:>8}{row.half:>8}"
            f"{row.resent:>8}{row.slowest:>8.1f} s\n"
        )


# --- One mode, in a process of its own ---


def _run_mode(options: argparse.Namespace) -> int:
    # What the portal's settings read must stand before they are imported.
    from chaos.processes import Postgres, Redis  # noqa: PLC0415

    folder: Path = options.folder
    (folder / "var").mkdir(parents=True)
    (folder / "traps").mkdir()
    for path in (folder, folder / "var"):
        path.chmod(0o755)
    from chaos.mailbox import Mailbox  # noqa: PLC0415

    postgres = redis = None
    if options.mode == "production":
        postgres, redis, mailbox = (
            Postgres(folder / "postgresql"),
            Redis(folder / "redis"),
            Mailbox(),
        )
        os.environ["DATABASE_URL"], os.environ["REDIS_URL"] = postgres.url, redis.url
        os.environ["EMAIL_URL"] = f"smtp://127.0.0.1:{mailbox.port}"
    else:
        mailbox = Mailbox(folder / "var" / "mail")
    from chaos.running import run  # noqa: PLC0415

    return run(
        mode=options.mode,
        folder=folder,
        services=(mailbox, postgres, redis),
        rounds=options.rounds,
        seed=options.seed,
        only=[part for part in options.only.split(",") if part],
    )


if __name__ == "__main__":
    sys.exit(main())
