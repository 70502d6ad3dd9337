"""Recipes of fast MPN-COV (iSQRT-COV): Li et al., CVPR 2018, and its two releases.

PT is the release for PyTorch (main.py and its shell scripts), TF the one for TensorFlow 2. What the scripts
really run is followed; where a script says something else, the docstring tells.
"""

from dataclasses import replace

from covpool.recipes.choice import Choice
from covpool.recipes.schema import (
    LoaderSpec,
    NetworkSpec,
    OptimizerSpec,
    Recipe,
    ScheduleSpec,
    TransformSpec,
)

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # PT imagepreprocess.py


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
        network=_resnet("resnet50"),
        transform=_imagenet_crop(),
        loader=LoaderSpec(batch_size=160, workers=4),
        optimizer=_sgd(lr=0.1),
        schedule=ScheduleSpec(kind="step", epochs=65, milestones=(30, 45, 60)),
        source="fast-MPN-COV (PyTorch), train.sh and main.py; Li et al., CVPR 2018",
    )


def resnet50_warmup() -> Recipe:
    """ResNet-50 with iSQRT-COV on ImageNet from scratch, on the schedule of TF's train.sh.

    Values: batch 160, 85 epochs, linear warm-up from zero over 5 epochs, lr 0.1 divided by 10 at epochs 35, 55
    and 75, weight decay 1e-4 on everything (main_multi_GPU.py); the images as in PT's preprocessing.
    Script: as committed it cannot train from scratch (the pretrained switch is always on), and its labels run
    from 1 to 1000 with 1000 outputs; the schedule is what can be followed. Its random crop takes areas of 0.08
    to 1 and aspect ratios of 3/4 to 4/3, which are the defaults here.
    Published: top-1/top-5 error 21.57/6.14 (TF's table). Reproduced here: not established.
    """
    return replace(
        resnet50(),
        name="fast_mpncov/resnet50-warmup",
        schedule=ScheduleSpec(kind="step", epochs=85, warmup_epochs=5.0, milestones=(35, 55, 75)),
        source="Tensorflow-Fast-MPNCOV, train.sh and main_multi_GPU.py",
    )


def resnet50_finetune() -> Recipe:
    """Fine-tuning of ResNet-50 with iSQRT-COV on birds, aircraft or cars, as PT's finetune.sh runs it.

    Values: batch 10, 100 epochs, constant lr 1.2e-3 (a step at epoch 100 that never comes), the classifier's lr
    5 times that (finetune.sh); weight decay 1e-4, for the script's 1e-3 is never passed. The short side to 448,
    centre crop of 448, flip (imagepreprocess.py, CUB).
    Departs: the release starts from its own network trained with iSQRT-COV on ImageNet; `pretrained` here
    loads the backbone's weights, and the reduction starts from random ones.
    Hardware: 2 GTX 1080 Ti. Published: top-1 accuracy CUB/Aircraft/Cars 88.1/90.0/92.8 (paper, with an SVM),
    88.0/90.3/92.3 (PT, softmax), 87.6/90.5/93.2 (TF). Reproduced here: not established.
    """
    return Recipe(
        name="fast_mpncov/resnet50-finetune",
        network=_resnet("resnet50", pretrained=True),
        transform=_fine_grained(),
        loader=LoaderSpec(batch_size=10, workers=8),
        optimizer=_sgd(lr=1.2e-3, classifier=5.0),
        schedule=ScheduleSpec(kind="constant", epochs=100),
        source="fast-MPN-COV (PyTorch), finetune.sh and main.py; Li et al., CVPR 2018",
    )


def resnet101_finetune() -> Recipe:
    """Fine-tuning of ResNet-101 with iSQRT-COV on aircraft, as TF's finetune.sh runs it.

    Values: batch 8, 20 epochs, constant lr 1e-3, the classifier's gradients 5 times as large, which under SGD
    is 5 times its lr (finetune.sh); weight decay 1e-4. Aircraft: resized to 512 by 512, centre crop of 448, flip.
    Departs: as in resnet50_finetune; and the short side is resized to 512 instead of both sides.
    Published: top-1 accuracy CUB/Aircraft/Cars 88.7/91.4/93.3 (paper, with an SVM), 88.1/91.8/93.9 (TF).
    Reproduced here: not established.
    """
    return Recipe(
        name="fast_mpncov/resnet101-finetune",
        network=_resnet("resnet101", pretrained=True),
        transform=_fine_grained(crop_pct=0.875),
        loader=LoaderSpec(batch_size=8, workers=8),
        optimizer=_sgd(lr=1e-3, classifier=5.0),
        schedule=ScheduleSpec(kind="constant", epochs=20),
        source="Tensorflow-Fast-MPNCOV, finetune.sh and main_multi_GPU.py",
    )


def vgg_d_finetune() -> Recipe:
    """Fine-tuning of VGG-D (VGG-16 with batch normalisation) with iSQRT-COV, as PT's script runs it.

    Values: batch 10, 40 epochs, lr 3e-3 divided by 10 at epoch 20, the classifier's lr 20 times that, weight
    decay 1e-4, passed this time (finetune_mpncovvggd16.sh). One linear classifier on 32896 numbers
    (model_init.py). Pictures as in resnet50_finetune. TF's text says 5 times instead of 20.
    Departs: as in resnet50_finetune. The release drops VGG's last max-pooling: last_stride 1 stands for that.
    Published: top-1 accuracy CUB/Aircraft/Cars 87.2/90.0/92.5 (paper, with an SVM), 87.0/91.7/93.2 (PT),
    86.95/91.74/92.95 (TF). Reproduced here: not established.
    """
    return Recipe(
        name="fast_mpncov/vgg-d-finetune",
        network=_resnet("vgg16_bn", pretrained=True),
        transform=_fine_grained(),
        loader=LoaderSpec(batch_size=10, workers=8),
        optimizer=_sgd(lr=3e-3, classifier=20.0),
        schedule=ScheduleSpec(kind="step", epochs=40, milestones=(20,)),
        source="fast-MPN-COV (PyTorch), finetune_mpncovvggd16.sh and main.py; Li et al., CVPR 2018",
    )


def _resnet(backbone: str, *, pretrained: bool = False) -> NetworkSpec:
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


def _imagenet_crop() -> TransformSpec:
    return TransformSpec(
        image_size=224,
        augment=Choice("crop", scale=(0.08, 1.0)),
        crop_pct=0.875,
        mean=_MEAN,
        std=_STD,
        interpolation="bilinear",
    )


def _fine_grained(*, crop_pct: float = 1.0) -> TransformSpec:
    return TransformSpec(
        image_size=448,
        augment=Choice("flip"),
        crop_pct=crop_pct,
        mean=_MEAN,
        std=_STD,
        interpolation="bilinear",
    )
