"""Sets as their authors publish them: read from the unpacked folder or from the archives, by the lists inside."""

from covpool.data.archives.opening import archives, open_archive, recognised

__all__ = ["archives", "open_archive", "recognised"]
