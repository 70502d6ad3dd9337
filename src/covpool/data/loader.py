"""Pictures -> batches, in this process or in workers, with a policy for broken pictures."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from covpool.data.batch import Batch, TaughtBatch
from covpool.data.errors import CorruptImage, ShardLost
from covpool.data.images import ImageSet
from covpool.data.order import BatchRequest, SampleOrder, private_random_numbers, seed_all
from covpool.data.sampling import Sampling
from covpool.data.transforms import ImageTransform
from covpool.data.whole import WholeBatches, in_threads, whole_batches
from covpool.data.workers import begin, interrupts_held
from covpool.stop_signals import POLITE

OnBadImage = Literal["stop", "skip"]
Transform = Callable[[Image.Image], Tensor]
Transforms = Transform | Sequence[tuple[int, Transform]]  # one, or those that begin at epochs, the first at 0


class _Answer(NamedTuple):
    batch: Batch | TaughtBatch | None  # None: every picture was broken
    broken: list[CorruptImage]
    lost: ShardLost | None = None  # as a value, like the broken ones: an error of a worker arrives as another


class _Batches(Dataset):
    """BatchRequest -> _Answer; runs in workers. Broken pictures come back as values, not as tracebacks."""

    def __init__(
        self, images: ImageSet, transforms: Transforms, seed: int, *, stop: bool, draft: int | None, teacher: bool
    ) -> None:
        self.images, self.seed, self.stop, self.draft, self.teacher = images, seed, stop, draft, teacher
        stages = [(0, transforms)] if callable(transforms) else list(transforms)
        self.stages = [(epoch, transform, whole_batches(images, transform, seed)) for epoch, transform in stages]

    @property
    def gathers(self) -> bool:
        """Whether all batches are gathered from an array, so that threads may make them."""
        return all(whole is not None for _, _, whole in self.stages)

    def __getitem__(self, request: BatchRequest) -> _Answer:
        try:
            return self._answer(request)
        except ShardLost as error:
            return _Answer(None, [], ShardLost(error.shard, error.told))

    def _answer(self, request: BatchRequest) -> _Answer:
        transform, _ = self._stage(request.epoch)
        is_random = getattr(transform, "is_random", True)  # a transform of the user's own may draw
        with private_random_numbers() if is_random else nullcontext():
            samples, kept, broken = self._samples(request, transform, is_random)
        if not kept:
            return _Answer(None, broken)
        return _Answer(self._batch(_stack(samples, transform), np.array(kept, np.int64)), broken)

    def gathered(self, requests: Iterable[BatchRequest], epoch: int, threads: int) -> Iterator[_Answer]:
        """Answers from threads: what is gathered need not travel between processes."""
        _, whole = self._stage(epoch)
        assert whole is not None  # gathers was asked

        def answer(asked: tuple[BatchRequest, np.ndarray]) -> _Answer:
            request, mirrored = asked
            if not len(request.indices):
                return _Answer(None, [])
            return _Answer(self._batch(whole(request, mirrored), request.indices), [])

        return in_threads(answer, whole.foreseen(requests), threads)

    def _stage(self, epoch: int) -> tuple[Transform, WholeBatches | None]:
        return next(stage[1:] for stage in reversed(self.stages) if stage[0] <= epoch)

    def _batch(self, pictures: Tensor, indices: np.ndarray) -> Batch | TaughtBatch:
        said = self.images.teacher_logits(indices) if self.teacher else None
        batch = Batch(pictures, torch.from_numpy(self.images.labels[indices]), torch.from_numpy(indices))
        return batch if said is None else TaughtBatch(*batch, torch.from_numpy(said))

    def _samples(
        self, request: BatchRequest, transform: Transform, is_random: bool
    ) -> tuple[list[Any], list[int], list[CorruptImage]]:
        apply = transform.pixels if isinstance(transform, ImageTransform) else transform
        samples: list[Any] = []
        kept: list[int] = []
        broken: list[CorruptImage] = []
        for index, seed in zip(request.indices.tolist(), request.seeds(self.seed), strict=True):
            try:
                image = self.images.read(index, self.draft)
            except CorruptImage as error:
                broken.append(CorruptImage(error.key, error.reason, error.place))  # without its traceback
                if self.stop:
                    break
                continue
            if is_random:
                seed_all(seed)
            samples.append(apply(image))
            kept.append(index)
        return samples, kept, broken


def _stack(samples: list[Any], transform: Transform) -> Tensor:
    if isinstance(transform, ImageTransform):
        return transform.normalize(torch.from_numpy(np.stack(samples)))
    return torch.stack(samples)


class Loader:
    """Batches of an epoch, the same for any number of workers and from any batch on.

    ``skipped`` lists (key, reason) of every broken picture once. ``next_batch`` is the number of the batch
    after the one handed out last: what ``start_batch`` needs to go on in the middle of an epoch, also where
    batches were passed over because all their pictures are broken.
    """

    def __init__(
        self,
        images: ImageSet,
        transform: Transforms,
        order: SampleOrder,
        *,
        workers: int = 0,
        on_bad_image: OnBadImage = "stop",
        draft: int | None = None,
        teacher: bool = False,
    ) -> None:
        if on_bad_image not in get_args(OnBadImage):
            raise ValueError(f"on_bad_image needs to be 'stop' or 'skip'; got {on_bad_image!r}")
        if workers < 0:
            raise ValueError(f"workers needs to be 0 or more; got {workers}")
        self.images, self.order, self.workers, self.on_bad_image = images, order, workers, on_bad_image
        self.next_batch = 0
        self._skipped: dict[str, str] = {}
        stop = on_bad_image == "stop"
        self._batches = _Batches(images, transform, order.seed or 0, stop=stop, draft=draft, teacher=teacher)
        self._processes: DataLoader | None = None

    def __len__(self) -> int:
        """Batches of a whole epoch; of the last ones, where the first are others."""
        return len(self.order)

    def batches(self, epoch: int) -> int:
        """Batches of that epoch."""
        return self.order.batches(epoch)

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """(key, reason) of the broken pictures met so far."""
        return list(self._skipped.items())

    def epoch(self, epoch: int = 0, start_batch: int = 0) -> Iterator[Any]:
        """Batches ``start_batch``, ... of that epoch: ``Batch``, or ``TaughtBatch`` where a teacher was asked for.

        Raises:
            CorruptImage: a broken picture, where ``on_bad_image`` is 'stop'.
        """
        self.order.set_state(epoch, start_batch)  # a mistake is raised here, not at the first batch
        return self._run(epoch, start_batch)

    def _run(self, epoch: int, start_batch: int) -> Iterator[Batch | TaughtBatch]:
        self.order.set_state(epoch, start_batch)
        self.next_batch = start_batch
        try:
            yield from self._sound_batches()
        except GeneratorExit:
            raise
        except BaseException:  # interrupted while a worker was answering: what is under way is lost
            self.close()
            raise

    def _sound_batches(self) -> Iterator[Batch | TaughtBatch]:
        start = self.next_batch
        answers = self._answers()  # workers are born before there are threads
        with self.images.ahead(request.indices for request in self.order) or nullcontext() as ahead:
            for answer in answers:
                if answer.lost is not None:
                    raise answer.lost
                if answer.broken and self.on_bad_image == "stop":
                    raise answer.broken[0]
                self._skipped.update({error.key: error.reason for error in answer.broken})
                self.next_batch += 1
                if ahead is not None:
                    ahead.reached(self.next_batch - start)
                if answer.batch is not None:
                    yield answer.batch

    def _answers(self) -> Iterable[_Answer]:
        if self._batches.gathers:
            return self._batches.gathered(self.order, self.order.epoch, self.workers)
        if self.workers == 0:
            return (self._batches[request] for request in self.order)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # more workers than cores is the caller's choice
            if self._processes is None:
                self._processes = self._started()
            with interrupts_held(*POLITE):
                return iter(self._processes)

    def _started(self) -> DataLoader:
        return DataLoader(
            self._batches,
            sampler=self.order,
            batch_size=None,
            num_workers=self.workers,
            persistent_workers=True,
            collate_fn=_unchanged,
            worker_init_fn=begin,
            generator=torch.Generator(),  # or each epoch would draw from the global one
        )

    def close(self) -> None:
        """End the workers; a later epoch starts new ones."""
        self._processes = None


def _unchanged(answer: Any) -> Any:
    return answer


def train_loader(
    images: ImageSet,
    transform: Transforms,
    *,
    batch_size: int,
    seed: int,
    workers: int = 0,
    on_bad_image: OnBadImage = "stop",
    drop_last: bool = False,
    rank: int = 0,
    world_size: int = 1,
    draft: int | None = None,
    early: tuple[int, int] | None = None,
    sampling: Sampling = "each",
    teacher: bool = False,
) -> Loader:
    """Batches in an order and with augmentation that are pure functions of (seed, epoch, index).

    Args:
        images: the training pictures.
        transform: picture -> float32 (3, S, S), such as ``train_transform`` gives; any other callable may draw
            from torch, random or numpy and is seeded a picture. Or several, each with the epoch that it begins at.
        batch_size: pictures a batch.
        seed: of order and augmentation.
        workers: processes that read (threads, where the pictures lie in an array); 0 reads in this one.
        on_bad_image: 'stop' raises CorruptImage, 'skip' leaves the picture out and lists it in ``skipped``.
        drop_last: leave out a last batch that is not full.
        rank, world_size: which of how many processes this is; each gets its share of every round of batches, as
            ``SampleOrder`` describes. ``batch_size`` is that of one rank.
        draft: least short side at which a large JPEG may be decoded (faster, but other pixels than any published
            protocol has); None decodes in full.
        early: (epochs, batch_size) of the first epochs, where they have batches of another size.
        sampling: 'each' picture once an epoch, or by its class as ``covpool.data.sampling.drawn`` says.
        teacher: give the batches what a teacher said of the pictures, where the set holds it.

    Example:
        >>> from covpool.data import Preprocessing, open_images, train_transform
        >>> transform = train_transform(Preprocessing(8, crop_pct=1.0), "none")
        >>> loader = train_loader(open_images("digits").train, transform, batch_size=64, seed=0)
        >>> next(loader.epoch(0)).images.shape
        torch.Size([64, 3, 8, 8])
    """
    order = SampleOrder(
        len(images),
        batch_size,
        seed,
        drop_last,
        rank=rank,
        world_size=world_size,
        early=early,
        labels=images.labels,
        sampling=sampling,
        windows=images.windows(),
    )
    return Loader(images, transform, order, workers=workers, on_bad_image=on_bad_image, draft=draft, teacher=teacher)


def eval_loader(
    images: ImageSet,
    transform: Transform,
    *,
    batch_size: int,
    workers: int = 0,
    on_bad_image: OnBadImage = "stop",
    rank: int = 0,
    world_size: int = 1,
    draft: int | None = None,
) -> Loader:
    """Batches in the order of the set, the last one maybe smaller; arguments as in ``train_loader``."""
    order = SampleOrder(len(images), batch_size, None, rank=rank, world_size=world_size)
    return Loader(images, transform, order, workers=workers, on_bad_image=on_bad_image, draft=draft)
