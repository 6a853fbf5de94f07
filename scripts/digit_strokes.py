"""Makes strokes of a pen from pixels of MNIST, for check_page.py."""

import gzip
import struct

SIDE = 28
INK = 100  # grey level from which a pixel belongs to the digit
AROUND = [(0, -1), (1, -1), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1)]  # clockwise from above


def test_digits(folder, each):
    """(label, pixels as a set of (x, y)) of the first `each` digits of every class of the test set."""
    raw = folder / "MNIST" / "raw"
    with gzip.open(raw / "t10k-images-idx3-ubyte.gz") as file:
        images = file.read()[16:]
    with gzip.open(raw / "t10k-labels-idx1-ubyte.gz") as file:
        labels = file.read()[8:]
    wanted = dict.fromkeys(range(10), each)
    digits = []
    for item, label in enumerate(labels):
        if wanted[label] > 0:
            wanted[label] -= 1
            pixels = struct.unpack_from(f"{SIDE * SIDE}B", images, item * SIDE * SIDE)
            digits.append((label, {(i % SIDE, i // SIDE) for i, grey in enumerate(pixels) if grey >= INK}))
    return digits


def thinned(pixels):
    """The middle line of the ink (T. Zhang and C. Suen, "A fast parallel algorithm for thinning digital patterns")."""
    ink = set(pixels)
    while True:
        before = len(ink)
        for first, second in [((0, 2, 4), (2, 4, 6)), ((0, 2, 6), (0, 4, 6))]:
            removed = set()
            for x, y in ink:
                ring = [(x + dx, y + dy) in ink for dx, dy in AROUND]
                rises = sum(not ring[i] and ring[(i + 1) % 8] for i in range(8))
                if 2 <= sum(ring) <= 6 and rises == 1 and not all(ring[i] for i in first) \
                        and not all(ring[i] for i in second):
                    removed.add((x, y))
            ink -= removed
        if len(ink) == before:
            return ink


def links_of(line):
    """Pairs of neighbouring pixels; diagonal ones only where no pixel lies beside both."""
    links = set()
    for x, y in line:
        for dx, dy in AROUND:
            other = (x + dx, y + dy)
            if other in line and not (dx and dy and ((x + dx, y) in line or (x, y + dy) in line)):
                links.add(frozenset([(x, y), other]))
    return links


def strokes_of(pixels):
    """Lists of points (x, y), 0 to 1 across the image: the lines that a pen would draw."""
    line = thinned(pixels)
    links = links_of(line)
    strokes = []
    while links:
        ends = [point for point in line if sum(point in link for link in links) == 1]
        point = min(ends or set().union(*links), key=lambda one: (one[1], one[0]))
        stroke = [point]
        while True:
            link = next((one for one in sorted(links, key=sorted) if point in one), None)
            if link is None:
                break
            links.remove(link)
            point, = link - {point}
            stroke.append(point)
        strokes.append(stroke)
    dots = [[point] for point in line if not strokes]
    return [[((x + 0.5) / SIDE, (y + 0.5) / SIDE) for x, y in smoothed(stroke)] for stroke in strokes or dots]


def smoothed(stroke):
    """Without the steps of pixels."""
    means = [tuple(sum(axis) / 3 for axis in zip(*stroke[i:i + 3])) for i in range(len(stroke) - 2)]
    return [stroke[0], *means, stroke[-1]]
