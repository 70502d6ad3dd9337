"""Recipes of fast MPN-COV (iSQRT-COV): Li et al., CVPR 2018, and its two releases.

PT is the release for PyTorch (main.py and its shell scripts), TF the one for TensorFlow 2. What the scripts
really run is followed; where a script says something else, the docstring tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from covpool.recipes.schema.choice import Choice
from covpool.recipes.schema.documented import documented
from covpool.recipes.schema.recipe import Recipe
from covpool.recipes.schema.specs import LoaderSpec, NetworkSpec, OptimizerSpec, ScheduleSpec, TransformSpec

SETS = {"cub": "CUB-200-2011", "aircraft": "FGVC-Aircraft", "cars": "Stanford Cars"}


def resnet50() -> Recipe:
    """ResNet-50 with iSQRT-COV on ImageNet from scratch, as PT's train.sh runs it.

    Values: batch 160, 65 epochs, lr 0.1 divided by 10 at epochs 30, 45 and 60, weight decay 1e-4 (train.sh and
    main.py's defaults); SGD with momentum 0.9 and no Nesterov term, no warm-up, no smoothing, decay on
    normalisation and biases too (main.py). Random resized crop of 224 with scale 0.08 to 1, flip, bilinear;
    evaluation on the centre 224 of 256 (imagepreprocess.py). Five Newton-Schulz steps, reduction to 256
    channels, stride 1 in the last stage (mpncovresnet.py).
    Script: weight_decay is set but never passed; the default that runs has the same value.
    Hardware: 2 GTX 1080 Ti. Published: top-1/top-5 error 22.14/6.22 (paper), 21.71/6.13 (PT), 21.57/6.14 (TF),
    single centre crop. Reproduced here: not established.
    """
    return Recipe(
        name="fast_mpncov/resnet50",
        network=_isqrt("resnet50"),
        transform=TransformSpec(image_size=224, augment=Choice("fast_mpncov-imagenet")),
        loader=LoaderSpec(batch_size=160, workers=4),
        optimizer=_sgd(lr=0.1),
        schedule=ScheduleSpec(kind="step", epochs=65, milestones=(30, 45, 60), each="epoch"),
        source="fast-MPN-COV (PyTorch), train.sh and main.py; Li et al., CVPR 2018",
    )


def resnet101() -> Recipe:
    """ResNet-101 with iSQRT-COV on ImageNet from scratch: PT's train.sh with another arch.

    Values: as fast_mpncov/resnet50; the release has no script of its own for this depth.
    Hardware: 2 GTX 1080 Ti. Published: top-1/top-5 error 21.21/5.68 (paper), 20.99/5.56 (PT), 20.50/5.45 (TF).
    Reproduced here: not established.
    """
    return replace(resnet50(), name="fast_mpncov/resnet101", network=_isqrt("resnet101"))


def resnet50_log() -> Recipe:
    """ResNet-50 with iSQRT-COV on ImageNet on PT's other schedule, a comment in its train.sh.

    Values: lr from 10^-1.1 to 10^-5 in equal steps of the exponent over the 65 epochs (``log -1.1 -5.0``); all
    else as fast_mpncov/resnet50.
    Published: none on this schedule. Reproduced here: not established.
    """
    schedule = ScheduleSpec(kind="exponential", epochs=65, gamma=10 ** ((-5.0 + 1.1) / 64), each="epoch")
    return replace(resnet50(), name="fast_mpncov/resnet50-log", optimizer=_sgd(lr=10**-1.1), schedule=schedule)


def resnet50_warmup() -> Recipe:
    """ResNet-50 with iSQRT-COV on ImageNet from scratch, on the schedule of TF's train.sh.

    Values: batch 160, 85 epochs, linear warm-up from zero over 5 epochs, a batch at a time, lr 0.1 divided by 10
    at epochs 35, 55 and 75, weight decay 1e-4 on everything (main_multi_GPU.py); areas of 0.08 to 1, aspect
    ratios of 3/4 to 4/3, TensorFlow 2's bilinear (image_preprocess.py).
    Script: as committed it cannot train from scratch (the pretrained switch is always on), and its labels run
    from 1 to 1000 with 1000 outputs; the schedule is what can be followed. Keras takes the lr into the momentum, torch
    does not: where the lr falls, some ten steps go on at the old one there.
    Hardware: not established. Published: top-1/top-5 error 21.57/6.14 (TF's table). Reproduced here: not established.
    """
    return replace(
        resnet50(),
        name="fast_mpncov/resnet50-warmup",
        transform=TransformSpec(image_size=224, augment=Choice("fast_mpncov-tensorflow-imagenet")),
        schedule=ScheduleSpec(kind="step", epochs=85, warmup_epochs=5.0, warmup_from=0.0, milestones=(35, 55, 75)),
        source="Tensorflow-Fast-MPNCOV, train.sh and main_multi_GPU.py",
    )


def resnet50_finetune(images: str = "cub") -> Recipe:
    """Fine-tuning of ResNet-50 with iSQRT-COV on birds, as PT's finetune.sh runs it.

    Values: batch 10, 100 epochs, constant lr 1.2e-3 (a step at epoch 100 that never comes), the classifier's lr
    5 times that (finetune.sh); weight decay 1e-4, for the script's 1e-3 is never passed. CUB: the short side to
    448, centre crop of 448; Aircraft: stretched to 512, centre 448; Cars: stretched to 448; flip
    (imagepreprocess.py).
    Departs: the release starts from its own network trained with iSQRT-COV on ImageNet: --network.weights FILE does
    (its file, on --network.backbone fast_mpncov/resnet50, or a run of ours). Without, `pretrained` loads the backbone's
    weights, and the reduction starts from random ones.
    Hardware: 2 GTX 1080 Ti. Published: top-1 accuracy CUB/Aircraft/Cars 88.1/90.0/92.8 (paper, with an SVM),
    88.0/90.3/92.3 (PT, softmax), 87.6/90.5/93.2 (TF). Reproduced here: not established.
    """
    return Recipe(
        name=_finetuned("resnet50", images),
        network=_isqrt("resnet50", pretrained=True),
        transform=TransformSpec(image_size=448, augment=Choice(f"fast_mpncov-{images}")),
        loader=LoaderSpec(batch_size=10, workers=8),
        optimizer=_sgd(lr=1.2e-3, classifier=5.0),
        schedule=ScheduleSpec(kind="constant", epochs=100),
        source="fast-MPN-COV (PyTorch), finetune.sh and main.py; Li et al., CVPR 2018",
    )


def resnet101_finetune(images: str = "aircraft") -> Recipe:
    """Fine-tuning of ResNet-101 with iSQRT-COV on aircraft, as TF's finetune.sh runs it.

    Values: batch 8, 20 epochs, constant lr 1e-3, the classifier's gradients 5 times as large, which under SGD
    is 5 times its lr (finetune.sh); weight decay 1e-4, on everything. CUB: centre square, to 448; Aircraft:
    stretched to 512 by 512, centre 448; Cars: stretched to 448; TensorFlow 2's bilinear, flip (datasets.py).
    Script: it evaluates on the mean of a picture and its mirror; here on the picture.
    Departs: as in fast_mpncov/resnet50-finetune.
    Hardware: not established. Published: top-1 accuracy CUB/Aircraft/Cars 88.7/91.4/93.3 (paper, with an SVM),
    88.1/91.8/93.9 (TF). Reproduced here: not established.
    """
    return Recipe(
        name=_finetuned("resnet101", images, plain="aircraft"),
        network=_isqrt("resnet101", pretrained=True),
        transform=TransformSpec(image_size=448, augment=Choice(f"fast_mpncov-tensorflow-{images}")),
        loader=LoaderSpec(batch_size=8, workers=8),
        optimizer=_sgd(lr=1e-3, classifier=5.0),
        schedule=ScheduleSpec(kind="constant", epochs=20),
        source="Tensorflow-Fast-MPNCOV, finetune.sh and main_multi_GPU.py",
    )


def vgg_d_finetune(images: str = "cub") -> Recipe:
    """Fine-tuning of VGG-D (VGG-16 with batch normalisation) with iSQRT-COV, as PT's script runs it.

    Values: batch 10, 40 epochs, lr 3e-3 divided by 10 at epoch 20, the classifier's lr 20 times that, weight
    decay 1e-4, passed this time, on the classifier too (finetune_mpncovvggd16.sh). One linear classifier on 32896
    numbers (model_init.py). Pictures as in fast_mpncov/resnet50-finetune. TF's text says 5 times instead of 20.
    Departs: as in fast_mpncov/resnet50-finetune. The release drops VGG's last max-pooling: last_stride 1 stands
    for that.
    Hardware: 2 GTX 1080 Ti. Published: top-1 accuracy CUB/Aircraft/Cars 87.2/90.0/92.5 (paper, with an SVM),
    87.0/91.7/93.2 (PT), 86.95/91.74/92.95 (TF). Reproduced here: not established.
    """
    return Recipe(
        name=_finetuned("vgg-d", images),
        network=_isqrt("vgg16_bn", pretrained=True),
        transform=TransformSpec(image_size=448, augment=Choice(f"fast_mpncov-{images}")),
        loader=LoaderSpec(batch_size=10, workers=8),
        optimizer=_sgd(lr=3e-3, classifier=20.0),
        schedule=ScheduleSpec(kind="step", epochs=40, milestones=(20,), each="epoch"),
        source="fast-MPN-COV (PyTorch), finetune_mpncovvggd16.sh and main.py; Li et al., CVPR 2018",
    )


def vgg16_bcnn_two_stage(images: str = "cub") -> Recipe:
    """VGG-16 with B-CNN on birds in two stages, as PT's two_stage_finetune.sh runs it.

    Values: 100 epochs in which only the classifier learns, batch 40, then 100 of everything, batch 10; lr 1e-3
    throughout, the classifier's 1000 times that; weight decay 5e-4, none on the classifier, for main.py spares it
    where arch begins with vgg. ImageNet weights of torchvision; 512 channels, last max-pooling dropped.
    Script: the second stage asks for lr 1e-3 for the classifier too, but the restored optimizer keeps 1.0: so here.
    Hardware: 2 GTX 1080 Ti. Published: top-1 accuracy CUB/Aircraft/Cars 84.0/86.9/90.6 (paper), 84.0/86.9/90.5
    (PT). Reproduced here: not established.
    """
    optimizer = replace(_sgd(lr=1e-3, classifier=1000.0), weight_decay=5e-4, classifier_weight_decay=0.0)
    return Recipe(
        name="fast_mpncov/vgg16-bcnn-two-stage" + ("" if images == "cub" else f"-{images}"),
        network=NetworkSpec(backbone="vgg16", pool=Choice("bilinear"), pretrained=True, reduce_to=None, last_stride=1),
        transform=TransformSpec(image_size=448, augment=Choice(f"fast_mpncov-{images}")),
        loader=LoaderSpec(batch_size=10, head_batch_size=40, workers=8),
        optimizer=optimizer,
        schedule=ScheduleSpec(kind="constant", epochs=200, head_epochs=100),
        source="fast-MPN-COV (PyTorch), two_stage_finetune.sh and main.py; Lin et al., ICCV 2015",
    )


def vgg16_cbp_two_stage() -> Recipe:
    """VGG-16 with compact bilinear pooling on birds in two stages, as PT's two_stage_finetune.sh runs it.

    Values: as fast_mpncov/vgg16-bcnn-two-stage, with a tensor sketch of 8192 numbers.
    Hardware: 2 GTX 1080 Ti. Published: top-1 accuracy on CUB 84.0 (paper), 83.8 (PT). Reproduced here: not
    established.
    """
    recipe = vgg16_bcnn_two_stage()
    network = replace(recipe.network, pool=Choice("cbp", width=8192))
    source = "fast-MPN-COV (PyTorch), two_stage_finetune.sh and main.py; Gao et al., CVPR 2016"
    return replace(recipe, name="fast_mpncov/vgg16-cbp-two-stage", network=network, source=source)


def cifar100() -> Recipe:
    """Pre-activated ResNet-164 with iSQRT-COV on CIFAR-100 from scratch, as TF's README says.

    Values: batch 128, 110 epochs, lr 0.25 divided by 10 at epochs 80 and 95, weight decay 1e-4 on everything,
    momentum 0.9; 128 channels, dropout 0.5, stride 1 in the last stage; pictures padded to 40, cut to 32, flip.
    Script: the README's values; the width of 128 and the dropout are edited in the source, no flag sets them.
    Hardware: not established. Published: top-1 error 19.91 (TF). Reproduced here: not established.
    """
    return Recipe(
        name="fast_mpncov/cifar100",
        network=NetworkSpec(backbone="fast_mpncov/cifar-preact-resnet164"),
        transform=TransformSpec(image_size=32, augment=Choice("fast_mpncov-cifar100")),
        loader=LoaderSpec(batch_size=128, workers=8),
        optimizer=_sgd(lr=0.25),
        schedule=ScheduleSpec(kind="step", epochs=110, milestones=(80, 95), each="epoch"),
        source="Tensorflow-Fast-MPNCOV, README and trainingFromScratch/cifar100",
    )


def cifar100_gavp() -> Recipe:
    """Pre-activated ResNet-164 with average pooling on CIFAR-100, the rival in TF's table.

    Values: batch 128, 140 epochs, lr 0.1 divided by 10 at epochs 90 and 120; the rest as fast_mpncov/cifar100.
    Hardware: not established. Published: top-1 error 24.33 (TF). Reproduced here: not established.
    """
    return replace(
        cifar100(),
        name="fast_mpncov/cifar100-gavp",
        network=NetworkSpec(backbone="fast_mpncov/cifar-preact-resnet164-gavp", pool=Choice("avg")),
        optimizer=_sgd(lr=0.1),
        schedule=ScheduleSpec(kind="step", epochs=140, milestones=(90, 120), each="epoch"),
    )


def _finetuned(network: str, images: str, plain: str = "cub") -> str:
    """The name without a set is that of the set in the script."""
    return f"fast_mpncov/{network}-finetune" + ("" if images == plain else f"-{images}")


def _isqrt(backbone: str, *, pretrained: bool = False) -> NetworkSpec:
    pool = Choice("isqrt", steps=5)  # main.py:112-118 passes 5 over the class's default of 3
    return NetworkSpec(backbone=backbone, pool=pool, pretrained=pretrained, reduce_to=256, last_stride=1)


def _sgd(*, lr: float, classifier: float = 1.0) -> OptimizerSpec:
    return OptimizerSpec(
        name="momentum",  # timm's "sgd" would add the Nesterov term
        lr=lr,
        weight_decay=1e-4,
        momentum=0.9,
        classifier_lr_multiplier=classifier,
        decay_norm_and_bias=True,
    )


def _on(images: str, build: Callable[..., Recipe], plain: str, published: str) -> Callable[[], Recipe]:
    about = f"""Fine-tuning as fast_mpncov/{plain}, on {SETS[images]}.

    Values: as fast_mpncov/{plain}, of which this set has its own pictures and the same rest.
    Hardware: as there. Published: top-1 accuracy {published}. Reproduced here: not established.
    """
    return documented(about, build, images)


RECIPES: Mapping[str, Callable[[], Recipe]] = {
    "fast_mpncov/resnet50": resnet50,
    "fast_mpncov/resnet50-log": resnet50_log,
    "fast_mpncov/resnet50-warmup": resnet50_warmup,
    "fast_mpncov/resnet101": resnet101,
    "fast_mpncov/resnet50-finetune": resnet50_finetune,
    "fast_mpncov/resnet50-finetune-aircraft": _on(
        "aircraft", resnet50_finetune, "resnet50-finetune", "90.0 (paper, with an SVM), 90.3 (PT), 90.5 (TF)"
    ),
    "fast_mpncov/resnet50-finetune-cars": _on(
        "cars", resnet50_finetune, "resnet50-finetune", "92.8 (paper, with an SVM), 92.3 (PT), 93.2 (TF)"
    ),
    "fast_mpncov/resnet101-finetune": resnet101_finetune,
    "fast_mpncov/resnet101-finetune-cub": _on(
        "cub", resnet101_finetune, "resnet101-finetune", "88.7 (paper, with an SVM), 88.1 (TF)"
    ),
    "fast_mpncov/resnet101-finetune-cars": _on(
        "cars", resnet101_finetune, "resnet101-finetune", "93.3 (paper, with an SVM), 93.9 (TF)"
    ),
    "fast_mpncov/vgg-d-finetune": vgg_d_finetune,
    "fast_mpncov/vgg-d-finetune-aircraft": _on(
        "aircraft", vgg_d_finetune, "vgg-d-finetune", "90.0 (paper, with an SVM), 91.7 (PT), 91.74 (TF)"
    ),
    "fast_mpncov/vgg-d-finetune-cars": _on(
        "cars", vgg_d_finetune, "vgg-d-finetune", "92.5 (paper, with an SVM), 93.2 (PT), 92.95 (TF)"
    ),
    "fast_mpncov/vgg16-bcnn-two-stage": vgg16_bcnn_two_stage,
    "fast_mpncov/vgg16-bcnn-two-stage-aircraft": _on(
        "aircraft", vgg16_bcnn_two_stage, "vgg16-bcnn-two-stage", "86.9 (paper and PT)"
    ),
    "fast_mpncov/vgg16-bcnn-two-stage-cars": _on(
        "cars", vgg16_bcnn_two_stage, "vgg16-bcnn-two-stage", "90.6 (paper), 90.5 (PT)"
    ),
    "fast_mpncov/vgg16-cbp-two-stage": vgg16_cbp_two_stage,
    "fast_mpncov/cifar100": cifar100,
    "fast_mpncov/cifar100-gavp": cifar100_gavp,
}
