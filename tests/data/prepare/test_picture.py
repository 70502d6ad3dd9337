import io

import numpy as np
import pytest
from PIL import Image

from covpool.data import CorruptImage, ImageSet
from covpool.data.decode import decode
from covpool.data.prepare.picture import Encoding, square
from data.conftest import noise


def stored(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def one(content):
    return ImageSet(["a"], [0], ["a/1"], lambda position: content, "here")


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return stored(noise(0), "JPEG", exif=exif)


ANEW = {
    "CMYK": (stored(noise(0).convert("CMYK"), "JPEG"), "jpg"),
    "I;16": (stored(Image.fromarray(np.arange(120, dtype=np.uint16).reshape(10, 12) * 500), "PNG"), "png"),
    "P": (stored(noise(0).convert("P"), "PNG"), "png"),
    "RGBA": (stored(noise(0).convert("RGBA"), "PNG"), "png"),
    "GIF": (stored(noise(0), "GIF", save_all=True, append_images=[noise(1)]), "png"),
    "WEBP": (stored(noise(0), "WEBP"), "png"),
    "BMP": (stored(noise(0), "BMP"), "png"),
    "EXIF rotation": (turned(), "jpg"),
    "several frames": (stored(noise(0), "PNG", save_all=True, append_images=[noise(1)]), "png"),
}


@pytest.mark.parametrize("reason", ANEW)
def test_what_readers_see_differently_is_written_anew_as_our_decoder_sees_it(reason):
    content, extension = ANEW[reason]
    made = Encoding()(one(content), 0)
    assert (made.changed, made.extension) == (reason, extension)
    with Image.open(io.BytesIO(made.data)) as plain:
        assert plain.mode == "RGB"
        assert plain.getexif().get(0x0112, 1) == 1
        expected, seen = (np.asarray(image, np.int16) for image in (decode(content, "a"), plain))
        assert np.abs(expected - seen).mean() <= (0 if extension == "png" else 4)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_plain_pictures_keep_their_bytes(kind, mode):
    content = stored(noise(0).convert(mode), kind)
    made = Encoding()(one(content), 0)
    assert (made.data, made.changed, made.width, made.height) == (content, "", 12, 10)


def test_only_larger_pictures_are_reduced_and_keep_their_aspect():
    content = stored(noise(0, (40, 20)), "JPEG")
    assert Encoding(size=10)(one(content), 0).changed == "reduced"
    assert (Encoding(size=10)(one(content), 0).width, Encoding(size=10)(one(content), 0).height) == (20, 10)
    assert Encoding(size=20)(one(content), 0).data == content
    long = Encoding(size=1)(one(stored(noise(0, (2, 300)), "PNG")), 0)
    assert (long.width, long.height) == (1, 150)


def test_one_pixel_is_a_picture():
    content = stored(Image.new("RGB", (1, 1), "red"), "PNG")
    assert Encoding(size=64)(one(content), 0).data == content
    assert np.asarray(square(decode(content, "a"), 3)).tolist() == [[[255, 0, 0]] * 3] * 3


def test_a_square_averages_whole_blocks():
    picture = noise(0, (12, 8))
    expected = np.asarray(picture, float).reshape(4, 2, 4, 3, 3).mean((1, 3))
    assert np.abs(np.asarray(square(picture, 4)) - expected).max() < 1  # Pillow rounds after each direction


def bomb():
    import struct
    import zlib

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(999))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (stored(noise(0), "JPEG")[:300], "cannot be decoded"),
        (b"", "empty"),
        (b"<html>", "no picture"),
        (bomb(), "decompression bomb"),
    ],
)
def test_what_cannot_be_read_is_named(content, reason):
    with pytest.raises(CorruptImage, match=f"broken picture 'a/1' in 'here': .*{reason}"):
        Encoding()(one(content), 0)
