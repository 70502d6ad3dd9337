"""WebDataset shards: tars of samples, each the files that share a name up to its first dot."""
