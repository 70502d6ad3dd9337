"""The ``covpool`` command: one verb a file; nothing here is imported by the library."""
