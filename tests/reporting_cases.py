"""Results as other verbs write them, for the tests of reports."""

from PIL import Image

from covpool.reporting.drawing.heat import data_uri


def judged(classes=("cat", "dog", "owl"), *, keys=("a.png", "b.png"), right=5):
    """A result.json: ``right`` pictures of each class recognised, two of the first taken for the second."""
    confusion = [[right * (i == j) + 2 * ((i, j) == (0, 1)) for j in range(len(classes))] for i in range(len(classes))]
    images = sum(map(sum, confusion))
    top1 = right * len(classes) / images
    return {
        "schema": "covpool-result/1", "images": images, "skipped": 0, "top1": top1,
        "top1_interval": [top1 - 0.05, top1 + 0.05], "top5": 1.0, "top5_interval": [0.9, 1.0], "loss": 0.4,
        "classes": list(classes), "per_class": [row[i] / sum(row) for i, row in enumerate(confusion)],
        "confusion": confusion, "about": {"architecture": {"backbone": "conv4", "pool": classes[0]}},
        "mistakes": [{"key": key, "label": classes[0], "predicted": classes[1], "confidence": 0.9} for key in keys],
        "stamp": {"date": "2026-03-01T10:00:00+00:00", "version": "0.1.0", "machine": {"cpu": classes[0]}},
    }  # fmt: skip


def explained(name="heron"):
    """What ``covpool explain`` writes as JSON, of one picture and two networks."""
    rows = [[0.5, -0.25, 0.1], [0.0, 0.75, 0.2]]
    view = {
        "name": name, "pool": name, "class": name, "score": 1.25, "probability": 0.9, "constant": 0.25, "total": 1.0,
        "best": [{"class": name, "probability": 0.9, "score": 1.25}], "error": 1e-9, "rule": "euler", "degree": 1.0,
        "nodes": 1, "centered": True, "held_norms": False, "map": rows,
        "picture": data_uri(Image.new("RGB", (80, 80), "green")),
        "pairs": [{"first": 1, "second": 2, "candidate": 0, "amount": 0.5, "entry": 0.4, "map": rows}],
    }  # fmt: skip
    return {"schema": "covpool-explanation/1", "pictures": [{"image": name * 9, "views": [view, view]}]}


def stood(name="first", *, worse=0.0, corruptions=("gaussian_noise", "fog", "glass_blur", "snow"), seed=0):
    """What ``covpool robustness`` writes as JSON: errors that grow with the severity."""
    errors = {
        c: {str(s): 0.2 + worse + 0.02 * place + 0.1 * (s - 1) for s in range(1, 6)}
        for place, c in enumerate(corruptions)
    }
    return {
        "schema": "covpool-robustness/1", "images": 60, "skipped": 0, "clean_error": 0.15 + worse,
        "pictures": "covpool", "errors": errors, "settings": {"seed": seed, "jpeg": 85, "keys": "12ab"},
        "averages": {"mean_error_standard_15": 0.45, "mce_standard_15": 61.25, "relative_mce_standard_15": 70.5,
                     "mean_error_assembled_19": 0.44, "mce_assembled_19": 48.9},
        "sequences": {"difficulty": 1, "mfr_standard_10": 55.5, "perturbations": {
            "tilt": {"flip": 0.12, "top5": 3.25, "zipf": 0.1, "videos": 7}}},
        "attacks": {"clean": {"0": 0.15}, "fgsm": {"1": 0.5, "2": 0.75}},
        "shifted": {"imagenet-a": {"images": 50, "skipped": 0, "classes": 20, "top1": 0.25,
                                   "top1_interval": [0.15, 0.4]}},
        "against": {"averages": {c: [1, 2, 3, 4, 5] for c in corruptions}, "mce": 90.5, "relative_mce": None,
                    "network": "runs/other"},
        "about": {"network": f"runs/{name}", "data": "photos", "split": "val"},
        "stamp": {"date": "2026-03-01T10:00:00+00:00", "version": "0.1.0", "machine": {"cpu": "X"}},
    }  # fmt: skip
