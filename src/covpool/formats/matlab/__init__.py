"""MATLAB's ``.mat`` files, versions 5, 6, 7 and 7.3, as values of a few kinds."""

from covpool.formats.matlab.mat5 import read_mat5
from covpool.formats.matlab.mat73 import read_mat73
from covpool.formats.matlab.values import Cell, Numbers, Struct, Text, Unread, Value

__all__ = ["Cell", "Numbers", "Struct", "Text", "Unread", "Value", "read_mat5", "read_mat73"]
