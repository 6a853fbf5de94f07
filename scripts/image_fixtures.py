#!/usr/bin/env python3
"""Writes tests/fixtures/images: small images of every supported kind, each with its pixels (NAME.pam).

This script encodes the PNGs itself from generated samples, so that their pixels are known without a decoder. Pillow
encodes and decodes the JPEGs, and torchvision prepares the photo. Needs numpy, Pillow and torchvision. Run it only to
add a kind of image, and commit the files.
"""

import io
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "tests" / "fixtures" / "images"
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6  # PNG's colour types
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}
ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
random = np.random.default_rng(20)


def write_pixels(name, pixels):
    """PAM, Netpbm's format for any number of channels: uint8 [height, width, channels]."""
    height, width, channels = pixels.shape
    header = f"P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {channels}\nMAXVAL 255\nENDHDR\n"
    (FOLDER / f"{name}.pam").write_bytes(header.encode() + pixels.astype(np.uint8).tobytes())


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def packed_rows(samples, depth):
    """Rows of [height, width, channels] as PNG packs them, each after its filter byte (0: none)."""
    rows = b""
    for row in samples.reshape(samples.shape[0], -1):
        if depth == 16:
            content = row.astype(">u2").tobytes()
        else:
            bits = "".join(f"{value:0{depth}b}" for value in row)
            bits += "0" * (-len(bits) % 8)
            content = int(bits, 2).to_bytes(len(bits) // 8, "big")
        rows += b"\0" + content
    return rows


def write_png(name, samples, color, depth, expected, interlaced=False, chunks=()):
    height, width = samples.shape[:2]
    parts = [samples]
    if interlaced:
        parts = [samples[top::down, left::right] for top, left, down, right in ADAM7]
    rows = b"".join(packed_rows(part, depth) for part in parts if part.size)
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced))
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    png += b"".join(chunk(kind, content) for kind, content in chunks)
    (FOLDER / f"{name}.png").write_bytes(png + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))
    write_pixels(name, expected)


def samples_of(color, depth, height=5, width=9):
    return random.integers(0, 2**depth, (height, width, CHANNELS[color]))


def to_bytes(samples, depth):
    """Samples of any depth to 0..255, rounded to the nearest."""
    most = 2**depth - 1
    return (samples * 255 * 2 + most) // (2 * most)


def exif(orientation, order="little"):
    mark = "<" if order == "little" else ">"
    begin = b"II" if order == "little" else b"MM"
    entry = struct.pack(mark + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return begin + struct.pack(mark + "HIH", 42, 8, 1) + entry + struct.pack(mark + "I", 0)


def pngs():
    for color, kind in ((GREY, "grey"), (RGB, "rgb"), (GREY_ALPHA, "grey_alpha"), (RGB_ALPHA, "rgb_alpha")):
        for depth in (1, 2, 4, 8, 16) if color == GREY else (8, 16):
            for interlaced in (False, True):
                samples = samples_of(color, depth)
                name = f"{kind}_{depth}" + ("_interlaced" if interlaced else "")
                write_png(name, samples, color, depth, to_bytes(samples, depth), interlaced)

    for depth in (1, 2, 4, 8):
        colors = random.integers(0, 256, (2**depth if depth < 8 else 200, 3))
        samples = random.integers(0, len(colors), (5, 9, 1))
        palette = (b"PLTE", colors.astype(np.uint8).tobytes())
        write_png(f"palette_{depth}", samples, PALETTE, depth, colors[samples[:, :, 0]], chunks=[palette])
    alphas = np.array([0, 128, 255])  # of the first colours; the others are opaque
    all_alphas = np.concatenate([alphas, np.full(len(colors) - len(alphas), 255)])
    samples %= 6
    expected = np.concatenate([colors, all_alphas[:, None]], axis=1)[samples[:, :, 0]]
    transparent = (b"tRNS", alphas.astype(np.uint8).tobytes())
    write_png("palette_8_alpha", samples, PALETTE, 8, expected, chunks=[palette, transparent])

    samples = samples_of(GREY, 2)
    alpha = np.where(samples == 1, 0, 255)
    expected = np.concatenate([to_bytes(samples, 2), alpha], axis=2)
    write_png("grey_2_transparent", samples, GREY, 2, expected, chunks=[(b"tRNS", struct.pack(">H", 1))])
    samples = samples_of(RGB, 8)
    samples[2:4, 3:6] = (10, 20, 30)
    alpha = np.where((samples == (10, 20, 30)).all(axis=2, keepdims=True), 0, 255)
    expected = np.concatenate([samples, alpha], axis=2)
    write_png("rgb_8_transparent", samples, RGB, 8, expected, chunks=[(b"tRNS", struct.pack(">HHH", 10, 20, 30))])

    samples = samples_of(RGB, 8)
    write_png("rgb_8_exif_6", samples, RGB, 8, np.rot90(samples, -1), chunks=[(b"eXIf", exif(6, "big"))])


def jpegs():
    height, width = 20, 28
    rows, columns = np.mgrid[:height, :width]
    planes = [rows * 12, columns * 9, (rows + columns) * 5, 255 - rows * columns // 3]
    planes[1][3:9, 4:12] = 240  # something that no mirror image has
    pixels = np.stack(planes, axis=2).clip(0, 255).astype(np.uint8)
    rgb = Image.fromarray(np.ascontiguousarray(pixels[:, :, :3]))

    def write(name, image, **options):
        stream = io.BytesIO()
        image.save(stream, "JPEG", **options)
        (FOLDER / f"{name}.jpg").write_bytes(stream.getvalue())
        decoded = ImageOps.exif_transpose(Image.open(io.BytesIO(stream.getvalue())))
        decoded = np.asarray(decoded.convert("RGB") if decoded.mode == "CMYK" else decoded)
        write_pixels(name, decoded.reshape(*decoded.shape[:2], -1))

    write("jpeg_grey", rgb.convert("L"), quality=90)
    write("jpeg_444", rgb, quality=90, subsampling=0)
    write("jpeg_420", rgb, quality=90, subsampling=2)
    write("jpeg_progressive", rgb, quality=90, progressive=True)
    write("jpeg_cmyk", Image.fromarray(pixels, "CMYK"), quality=90)
    for orientation in range(1, 9):
        order = "little" if orientation % 2 else "big"
        write(f"jpeg_exif_{orientation}", rgb.convert("L"), quality=50, exif=b"Exif\0\0" + exif(orientation, order))


def photo():
    """An image and what torchvision's usual transforms for evaluation make of it, before they make it a tensor."""
    from torchvision.transforms import functional

    height, width = 41, 60
    rows, columns = np.mgrid[:height, :width]
    smooth = np.stack([rows * 6, columns * 4, 255 - rows * 3 - columns * 2], axis=2)
    pixels = (smooth + random.integers(-30, 30, (height, width, 3))).clip(0, 255).astype(np.uint8)
    image = Image.fromarray(pixels)
    image.save(FOLDER / "photo.png")
    prepared = functional.center_crop(functional.resize(image, 18), 15)
    write_pixels("photo_18_15", np.asarray(prepared))


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    pngs()
    jpegs()
    photo()
