"""What the page shows of each kind of result: a file a kind."""
