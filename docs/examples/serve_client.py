"""Asks `mnist serve` from Python: about pictures without any package, and about pixels with NVIDIA's tritonclient.

    mnist serve --model mnist_cnn.pt
    python docs/examples/serve_client.py http://127.0.0.1:8080 4.png 7.jpg

The second half is left out without the packages tritonclient[http] and numpy. With a key, send the header "Authorization: Bearer KEY".
"""

import importlib.util
import json
import sys
import urllib.error
import urllib.parse
import urllib.request


def predict(url, path):
    """The server finds the digit on a picture of any size."""
    with open(path, "rb") as file:
        request = urllib.request.Request(f"{url}/predict?top_k=3", data=file.read(), headers={"Content-Type": "image/png"})
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as problem:
        sys.exit(f"{path}: {json.load(problem)['error']}")


def classify(url, images):
    """uint8 [N, 1, 28, 28], light on dark, as MNIST has them: any number of images in one request."""
    import tritonclient.http

    with tritonclient.http.InferenceServerClient(urllib.parse.urlsplit(url).netloc) as client:
        name = client.get_model_repository_index()[0]["name"]
        classes = client.get_model_metadata(name)["parameters"]["class_names"]
        pixels = tritonclient.http.InferInput("pixels", list(images.shape), "UINT8")
        pixels.set_data_from_numpy(images)
        probabilities = client.infer(name, [pixels]).as_numpy("probabilities")
    return [(classes[row.argmax()], float(row.max())) for row in probabilities]


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    url = sys.argv[1].rstrip("/")
    for path in sys.argv[2:]:
        answer = predict(url, path)
        if answer["prediction"] is None:
            print(f"{path}: {answer['reason']}")
        else:
            print(f"{path}: {answer['prediction']}, {answer['probability']:.4f}")
    if importlib.util.find_spec("tritonclient"):
        import numpy

        bar = numpy.zeros((1, 1, 28, 28), numpy.uint8)
        bar[0, 0, 4:24, 12:16] = 255
        print("a vertical bar as the network's input: %s, %.4f" % classify(url, bar)[0])


if __name__ == "__main__":
    main()
