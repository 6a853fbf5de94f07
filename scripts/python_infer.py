"""Classifies digits in Python, for comparison with mnist infer: one file, or all files of a folder.

    python scripts/python_infer.py --model FILE --images PATH [--best]

One picture at a time, like the tutorial's script, prepared as in training. --best: a thousand at once. Prints the
prediction, or a line "name, prediction" for each file. Needs the packages of scripts/check_python.txt.
"""

import argparse
import pathlib

import torch
from PIL import Image
from torchvision import transforms

from python_mnist import MEAN, STD, Net


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--images", required=True, type=pathlib.Path)
    parser.add_argument("--best", action="store_true")
    options = parser.parse_args()

    paths = sorted(options.images.iterdir()) if options.images.is_dir() else [options.images]
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((MEAN,), (STD,))])
    model = Net()
    model.load_state_dict(torch.load(options.model, weights_only=True))
    model.eval()
    at_once = 1000 if options.best else 1
    with torch.no_grad():
        for begin in range(0, len(paths), at_once):
            part = paths[begin:begin + at_once]
            images = torch.stack([transform(Image.open(path).convert("L").resize((28, 28))) for path in part])
            for path, prediction in zip(part, model(images).argmax(dim=1).tolist()):
                print(f"Prediction: {prediction}" if len(paths) == 1 else f"{path.name}, {prediction}")


if __name__ == "__main__":
    main()
