"""``covpool robustness``: how a network stands corrupted, perturbed, attacked and strange pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from covpool.cli.errors import FINE, Usage
from covpool.cli.images import preprocessing_of
from covpool.cli.options import (
    add_bad_image,
    add_data,
    add_machine,
    add_output,
    add_quiet,
    at_least,
    folder_mistakes,
    names_in,
    output_mistakes,
    tell,
    write_result,
)
from covpool.cli.parser import Parser
from covpool.cli.progress import counting
from covpool.cli.verbs.judging.robustness_table import table
from covpool.reporting.numerals import count

_GROUPS = ("standard", "all", "none")


def build() -> Parser:
    """The command line."""
    parser = Parser(
        "robustness",
        "Measure how a trained network stands pictures that are corrupted (noise, blur, weather, compression: as in "
        "ImageNet-C, made from --data or read from the released folders), perturbed frame by frame (ImageNet-P), "
        "attacked, or of another kind (ImageNet-A, -R, -Sketch, -V2). The mCE is normalised by AlexNet's published "
        "errors for ImageNet alone; on other pictures, --reference puts another network in AlexNet's place.",
        examples=[
            "covpool robustness runs/first --data PATH --workers 2 --results counts/first --output first.json",
            "covpool robustness runs/second --data PATH --reference first.json",
            "covpool robustness r50.safetensors --imagenet-c IMAGENET-C --shifted IMAGENET-A,IMAGENET-R",
            "covpool robustness runs/first --data PATH --corruptions fog,snow --severities 3-5 --save corrupted",
            "covpool robustness runs/first --data PATH --corruptions none --adversarial fgsm,pgd --epsilon 1,2",
        ],
        needs=["network"],
        check=_check,
    )
    parser.add_argument("network", nargs="?", metavar="RUN", help="a run folder, a .pt or a .safetensors file")
    add_data(parser, val=False)
    parser.add_argument("--split", choices=["val", "test", "train"], default="val", help="which images of --data")
    _add_corruptions(parser)
    _add_others(parser)
    add_machine(parser, batch_size=64)
    add_bad_image(parser)
    add_output(parser, "the result as JSON")
    add_quiet(parser)
    return parser


def _add_corruptions(parser: Parser) -> None:
    parser.add_argument(
        "--corruptions", type=str, default="standard", metavar="NAMES", help="standard (15), all (19), none, or names"
    )
    parser.add_argument("--severities", type=str, default="1-5", metavar="LIST", help="such as 1-5, 3 or 1,3,5")
    parser.add_argument("--seed", type=int, default=0, help="of the corruptions and of the start of an attack")
    parser.add_argument(
        "--jpeg", type=int, default=85, help="quality of the JPEG that a corrupted image goes through, 85 as the "
        "released ones; 0 for none"
    )  # fmt: skip
    parser.add_argument(
        "--results",
        type=str | None,
        metavar="DIR",
        help="keep counts in this folder; the same command goes on from there after an interruption",
    )
    parser.add_argument(
        "--save", type=str | None, metavar="DIR", help="write the corrupted images, as ImageNet-C is laid out"
    )
    parser.add_argument(
        "--reference",
        type=str | None,
        metavar="FILE",
        help="a result of this command for another network, to compare with",
    )


def _add_others(parser: Parser) -> None:
    released = "the released folders: DIR/gaussian_noise/1/n01440764/..., in place of corrupting --data"
    parser.add_argument("--imagenet-c", type=str | None, metavar="DIR", help=released)
    parser.add_argument(
        "--imagenet-p",
        type=str | None,
        metavar="DIR",
        help="sequences: DIR/tilt/n01440764/1.mp4, or folders of frames in place of the .mp4",
    )
    parser.add_argument("--difficulty", type=int, default=1, help="of --imagenet-p: 1, 2 or 3")
    parser.add_argument(
        "--shifted",
        type=str,
        default="",
        metavar="DIRS",
        help="folders of class folders: accuracy on each (ImageNet-A, ...)",
    )
    parser.add_argument("--adversarial", type=str, default="", metavar="NAMES", help="attacks on --data: fgsm, pgd")
    parser.add_argument(
        "--epsilon", type=str, default="1,2,4,8", metavar="LIST", help="bounds of the attacks, in grey levels of 255"
    )


def _check(options: Namespace) -> list[str]:
    mistakes = [
        *output_mistakes(options),
        *folder_mistakes("--save", options.save, force=True),
        *folder_mistakes("--results", options.results, force=True),
        *at_least(options, batch_size=1, workers=0, seed=0, jpeg=0),
    ]
    if options.jpeg > 100:
        mistakes.append(f"--jpeg needs a quality from 0 to 100; got {options.jpeg}")
    if options.difficulty not in (1, 2, 3):
        mistakes.append(f"--difficulty needs to be 1, 2 or 3; got {options.difficulty}")
    for read in (severities, epsilons):
        try:
            read(options)
        except ValueError as error:
            mistakes.append(str(error))
    if (
        not (options.data or options.imagenet_c or options.imagenet_p or options.shifted)
        and "data" not in options.given
    ):
        mistakes.append(
            "covpool robustness needs --data PATH, or --imagenet-c, --imagenet-p or --shifted with a folder"
        )
    if options.adversarial and not options.data:
        mistakes.append("--adversarial attacks the images of --data PATH; name them")
    if options.save and (options.imagenet_c or not options.data):
        mistakes.append("--save writes what is made of --data PATH, without --imagenet-c")
    if options.reference and not Path(options.reference).is_file():
        mistakes.append(f"there is no file {options.reference} (--reference)")
    return mistakes


def severities(options: Namespace) -> list[int]:
    """The numbers of ``--severities``; ValueError where it is no list of 1 to 5."""
    found: set[int] = set()
    for word in names_in(options.severities):
        first, dash, last = word.partition("-")
        ends = [first, last if dash else first]
        if not all(end.isdecimal() and 1 <= int(end) <= 5 for end in ends):
            raise ValueError(f"--severities needs numbers from 1 to 5, such as 1-5 or 1,3; got {options.severities!r}")
        found.update(range(int(ends[0]), int(ends[1]) + 1))
    if not found:
        raise ValueError(f"--severities needs at least one number from 1 to 5; got {options.severities!r}")
    return sorted(found)


def epsilons(options: Namespace) -> list[float]:
    """The numbers of ``--epsilon``; ValueError where one is none, or not above 0."""
    try:
        found = [float(word) for word in names_in(options.epsilon)]
    except ValueError:
        found = []
    if not found or not all(0 < value <= 255 for value in found):
        raise ValueError(f"--epsilon needs numbers above 0, in grey levels of 255; got {options.epsilon!r}")
    return found


def run(options: Namespace) -> int:
    """Judge, print, write."""
    from covpool.evaluation.robustness.result import Robustness

    other = Robustness.read(options.reference) if options.reference else None
    result = _judged(options, other)
    write_result(table(result), None)
    if options.output:
        result.write(options.output)
        tell(f"wrote {options.output}")
    return FINE


def _judged(options: Namespace, other: Any) -> Any:
    from covpool.evaluation.robustness import Robustness, Subject
    from covpool.models.restore import restore_network

    network, about = restore_network(options.network)
    subject = Subject(
        network,
        preprocessing_of(network, about),
        about.get("classes"),
        batch_size=options.batch_size,
        workers=options.workers,
        skip_broken=options.on_bad_image == "skip",
        device=options.device,
    )
    images = _images(options) if options.data else None
    about = {**about, "network": options.network, "data": options.data, "split": options.split}
    return Robustness(about=about, **_fields(options, subject, images, other))


def _fields(options: Namespace, subject: Any, images: Any, other: Any) -> dict[str, Any]:
    """Whatever is asked for."""
    from covpool.evaluation.robustness import assessing as assess

    bar = _counting(options)
    if other is not None and (options.imagenet_c or images is not None):  # now, not after hours of judging
        made = {} if options.imagenet_c else assess.settings_of(images, options.seed, options.jpeg)
        assess.must_compare("released" if options.imagenet_c else "covpool", made, other)
    fields = _corrupted(options, subject, images, bar)
    if other is not None and fields["errors"]:
        fields["against"] = assess.compared(fields, other)
    if options.imagenet_p:
        fields["sequences"] = assess.assess_sequences(
            subject,
            options.imagenet_p,
            difficulty=options.difficulty,
            results=options.results,
            other=other,
            bar=bar,
        )
    if options.shifted:
        fields["shifted"] = assess.assess_shifted(subject, names_in(options.shifted), bar=bar)
    if options.adversarial:
        fields["attacks"] = assess.assess_attacks(
            subject, images, names_in(options.adversarial), epsilons(options), seed=options.seed, bar=bar
        )
    return fields


def _corrupted(options: Namespace, subject: Any, images: Any, bar: Any) -> dict[str, Any]:
    from covpool.evaluation.robustness.assessing import assess_generated, assess_released

    names, levels = _names(options), severities(options)
    if options.imagenet_c:
        return assess_released(
            subject, options.imagenet_c, names, levels, clean=images, results=options.results, bar=bar
        )
    if images is None:
        return {"errors": {}}
    return assess_generated(
        subject,
        images,
        names,
        levels,
        seed=options.seed,
        jpeg=options.jpeg,
        results=options.results,
        save=options.save,
        bar=bar,
    )


def _counting(options: Namespace) -> Any:
    """A function of a title: a bar for what follows."""

    @contextmanager
    def bar(what: str) -> Iterator[Any]:
        with counting(what, options.quiet) as progress:
            yield progress

    return bar


def _names(options: Namespace) -> list[str]:
    """The corruptions that are meant; UnknownName with the nearest."""
    from covpool.data.corruptions import EXTRA, STANDARD, corruptions

    groups = {"standard": list(STANDARD), "all": [*STANDARD, *EXTRA], "none": []}
    words = names_in(options.corruptions)
    return groups[words[0]] if len(words) == 1 and words[0] in _GROUPS else [corruptions.resolve(w) for w in words]


def _images(options: Namespace) -> Any:
    from covpool.data import open_images

    source = open_images(options.data, download=options.download)
    images = getattr(source, options.split)
    if images is None:
        there = ", ".join(name for name in ("train", "val", "test") if getattr(source, name) is not None)
        raise Usage([f"{options.data} has no {options.split} images; it has {there}"])
    tell(f"{source.name}: {count(len(images))} images of {len(images.classes)} classes ({options.split})")
    return images
