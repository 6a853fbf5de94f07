"""The usual server of a model in Python, for scripts/bench_serve: FastAPI, uvicorn, PyTorch.

    python -m uvicorn bench_serve_python:app

Environment: BENCH_MODEL, the state dict; BENCH_THREADS, threads of PyTorch, 0 for its own choice.
"""

import io
import os

import fastapi
import numpy
import pydantic
import torch
from PIL import Image

from python_mnist import MEAN, STD, Net

THREADS = int(os.environ["BENCH_THREADS"])
if THREADS:
    torch.set_num_threads(THREADS)
model = Net()
model.load_state_dict(torch.load(os.environ["BENCH_MODEL"], weights_only=True))
model.eval()
app = fastapi.FastAPI()


class Pixels(pydantic.BaseModel):
    pixels: list[int]  # 784, light on dark


def answer(image):
    """`image`: uint8 [28, 28]."""
    with torch.inference_mode():
        batch = (torch.from_numpy(image).float() / 255 - MEAN) / STD
        probabilities = model(batch.reshape(1, 1, 28, 28)).exp()[0]
    best = int(probabilities.argmax())
    return {"prediction": str(best), "probabilities": probabilities.tolist()}


# Not in FastAPI's thread pool, whose change of threads costs more than this small network.
@app.post("/pixels")
async def classify_pixels(given: Pixels):
    return answer(numpy.array(given.pixels, numpy.uint8).reshape(28, 28))


@app.post("/picture")
async def classify_picture(file: fastapi.UploadFile):
    picture = Image.open(io.BytesIO(await file.read())).convert("L").resize((28, 28))
    return answer(numpy.array(picture))
