"""The data directory of a stack."""

import os
from pathlib import Path

from heliograph.errors import InvalidInput

LOGS = "logs"


def prepare_directory(data_dir: Path) -> Path:
    """Makes the directory and what it needs; its absolute path. `InvalidInput` says why it cannot be used."""
    directory = data_dir.absolute()
    try:
        (directory / LOGS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput.of("HELIOGRAPH_DATA_DIR", f"{directory} cannot be made: {error.strerror}") from error
    for each in (directory, directory / LOGS):
        if not os.access(each, os.W_OK | os.X_OK):
            raise InvalidInput.of(
                "HELIOGRAPH_DATA_DIR",
                f"{each} is not writable by this user, it belongs to {_owner(each)}: use another directory or user",
            )
    (directory / ".gitignore").write_text("*\n")  # keys and numbers of people live here
    return directory


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except KeyError:
        return f"user {path.stat().st_uid}"
