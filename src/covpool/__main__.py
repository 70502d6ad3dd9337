"""``python -m covpool`` is the ``covpool`` command."""

from covpool.cli.main import entry

if __name__ == "__main__":
    entry()
