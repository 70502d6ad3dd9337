"""Pictures packed many to a file: mapped arrays, pickles, MATLAB's imdb, TFRecords."""
