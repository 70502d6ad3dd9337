"""Numbers of robustness: from errors and answers to mCE and mFR, by published references."""
