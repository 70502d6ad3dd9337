"""Small pictures as text."""

import base64
import io

from PIL import Image

from covpool.data.inspect.thumbnails import thumbnail


def test_thumbnails_are_small_and_tiny_pictures_are_enlarged_pixel_by_pixel():
    def opened(image: Image.Image) -> Image.Image:
        return Image.open(io.BytesIO(base64.b64decode(thumbnail(image, 96).split(",")[1])))

    assert opened(Image.new("RGB", (400, 200))).size == (96, 48)
    assert opened(Image.new("L", (28, 28))).size == (84, 84)
    assert opened(Image.new("RGB", (60, 90))).size == (60, 90)
