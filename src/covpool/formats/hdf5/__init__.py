"""HDF5 files as h5py, Keras and MATLAB write them by default, read without the HDF5 library.

The library crashes on some damaged files, and a crash is no error that anyone could catch. What is read: superblocks
0 to 3, both kinds of object headers, groups with symbol tables or links in the header, datasets that lie compact, in
one piece or in chunks (deflate, shuffle, Fletcher-32), attributes in the header. What is not is refused by name.
"""

from covpool.formats.hdf5.file import Dataset, Group, open_hdf5

__all__ = ["Dataset", "Group", "open_hdf5"]
