"""What the programs' files for systemd say of shared folders fits together, whichever program is installed or starts first."""

from __future__ import annotations

from servers.milter import TOP

PROGRAMS = ("milter-spam", "milter-dkim", "milter-virus", "policyd-ratelimit", "controller")


def lines(kind: str) -> dict[str, list[list[str]]]:
    """The words of each line, by program."""
    found = {}
    for program in PROGRAMS:
        files = [*(TOP / program).glob(f"*.{kind}"), *(TOP / program).glob(f"*.{kind}.in")]
        assert len(files) == 1, (program, files)
        found[program] = [line.split() for line in files[0].read_text().splitlines() if line and line[0] != "#"]
    return found


def test_folders() -> None:
    said: dict[tuple[str, str], list[str]] = {}
    for program, rows in lines("tmpfiles").items():
        for kind, path, *rest in rows:
            if kind == "d":
                assert said.setdefault((kind, path), rest) == rest, f"{program}: {path} is made otherwise by another"
        # Each keeps files of its own in the store: who comes first must not be its only owner.
        assert ["d", "@STATEDIR@/store", "2770", "root", "gatepost", "-"] in rows, program


def test_users() -> None:
    for program, rows in lines("sysusers").items():
        users = [row[1] for row in rows if row[0] == "u"]
        assert ["g", "gatepost", "-", "-"] in rows and len(users) == (2 if program == "milter-virus" else 1), program
        assert ["m", users[0], "gatepost"] in rows, program
        unit = next((TOP / program).glob("*.service.in")).read_text().splitlines()
        assert f"User={users[0]}" in unit and "Group=gatepost" in unit and "UMask=0007" in unit, program
