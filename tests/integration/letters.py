"""What the fixture `letter` gives; a module of its own, because every folder of tests has a conftest."""

from collections.abc import Callable

# letter(NAME) is a message of tests/data/mail with a fresh Message-ID, and that id.
Letter = Callable[[str], tuple[bytes, str]]
