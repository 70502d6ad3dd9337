import io
import random
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from covpool.data import CorruptImage, decode

RAMP = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5


def encoded(image, format, **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def rgb_of(image, format="PNG", **options):
    return np.asarray(decode(encoded(image, format, **options), "x"))


def test_grey_pictures_repeat_their_channel():
    assert np.array_equal(rgb_of(Image.fromarray(RAMP)), np.repeat(RAMP[:, :, None], 3, axis=2))


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_16_bit_grey_keeps_its_range(format):
    wide = RAMP.astype(np.uint16) * 257
    assert np.array_equal(rgb_of(Image.fromarray(wide), format)[:, :, 0], RAMP)


def test_1_bit_pictures_are_black_and_white():
    assert set(rgb_of(Image.fromarray(RAMP).convert("1")).ravel().tolist()) <= {0, 255}


def test_transparent_parts_become_white():
    image = Image.new("RGBA", (2, 1), (10, 20, 30, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    assert rgb_of(image).tolist() == [[[10, 20, 30], [255, 255, 255]]]
    grey = Image.new("LA", (1, 1), (7, 0))
    assert rgb_of(grey).tolist() == [[[255, 255, 255]]]


def test_a_transparent_palette_becomes_white_where_it_is_transparent():
    image = Image.new("P", (2, 1))
    image.putpalette([200, 0, 0, 0, 100, 0])
    image.putpixel((1, 0), 1)
    assert rgb_of(image, transparency=0).tolist() == [[[255, 255, 255], [0, 100, 0]]]
    assert rgb_of(image).tolist() == [[[200, 0, 0], [0, 100, 0]]]
    assert rgb_of(image, transparency=bytes([0, 255])).tolist() == [[[255, 255, 255], [0, 100, 0]]]


def test_cmyk_jpegs_become_rgb():
    cmyk = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    red, green, blue = rgb_of(cmyk, "JPEG").mean(axis=(0, 1))
    assert red > 240
    assert max(green, blue) < 15


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_as_their_exif_says(orientation):
    turned = {
        1: RAMP,
        2: RAMP[:, ::-1],
        3: RAMP[::-1, ::-1],
        4: RAMP[::-1],
        5: RAMP.T,
        6: np.rot90(RAMP, -1),
        7: RAMP[::-1, ::-1].T,
        8: np.rot90(RAMP),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.array_equal(rgb_of(Image.fromarray(RAMP), exif=exif)[:, :, 0], turned)


def test_damaged_exif_leaves_the_picture_as_it_is():
    content = encoded(Image.fromarray(RAMP), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12garbage")
    assert decode(content, "x").size == (8, 6)


def test_of_a_moving_picture_the_first_frame_counts():
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    for format in ("GIF", "WEBP", "PNG"):
        content = encoded(frames[0], format, save_all=True, append_images=frames[1:])
        assert np.asarray(decode(content, "x"))[0, 0].argmax() == 0


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM"])
def test_a_cut_file_is_named_and_never_half_a_picture(format):
    content = encoded(Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)), format)
    assert decode(content, "x").mode == "RGB"
    with pytest.raises(CorruptImage, match=r"'cat/1\.jpg' in 'photos'") as caught:
        decode(content[: len(content) // 2], "cat/1.jpg", "photos")
    assert (caught.value.key, caught.value.place) == ("cat/1.jpg", "photos")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"<html>404</html>", "no picture of a known format"),
        (encoded(Image.new("F", (2, 2)), "TIFF"), "floating-point pixels have no agreed range"),
        (encoded(Image.fromarray(np.full((2, 2), 70000, np.int32)), "TIFF"), "no agreed range"),
    ],
)
def test_what_cannot_be_read_says_why(content, reason):
    with pytest.raises(CorruptImage, match=reason):
        decode(content, "x")


@pytest.mark.parametrize("limit", [20, 47])
def test_decompression_bombs_are_broken_pictures(monkeypatch, limit):
    content = encoded(Image.fromarray(RAMP), "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(CorruptImage, match="decompression bomb"):
        decode(content, "x")


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"])
def test_damaged_bytes_give_a_picture_or_a_corrupt_image_and_no_warning(format):
    content = encoded(Image.fromarray(RAMP).convert("RGB"), format)
    chosen = random.Random(format)
    for _ in range(150):
        damaged = bytearray(content)
        for _ in range(chosen.randint(1, 4)):
            damaged[chosen.randrange(min(len(damaged), 400))] = chosen.randrange(256)
        with suppress(CorruptImage):
            assert decode(bytes(damaged), "x").mode == "RGB"


def test_a_draft_keeps_the_short_side_that_was_asked_for():
    buffer = io.BytesIO()
    Image.new("RGB", (400, 320), "red").save(buffer, "JPEG")
    sizes = [decode(buffer.getvalue(), "a.jpg", draft=least).size for least in (None, 320, 161, 160, 100, 40, 1)]
    assert sizes == [(400, 320), (400, 320), (400, 320), (200, 160), (200, 160), (50, 40), (50, 40)]
    png = io.BytesIO()
    Image.new("RGB", (400, 320)).save(png, "PNG")
    assert decode(png.getvalue(), "a.png", draft=10).size == (400, 320)


def test_a_format_that_is_no_photograph_is_not_handed_to_another_program():
    page = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n"
    with pytest.raises(CorruptImage, match="no picture of a known format"):
        decode(page, "cat/1.png")
