"""Published errors and flip rates of AlexNet, by which robustness is normalised."""

from __future__ import annotations

# Mean top-1 errors over the five severities of the released ImageNet-C; Hendrycks and Dietterich 2019, as in
# mce/eval_robustness.py:90-96 of assembled-cnn. The first 15 make the standard mCE.
ALEXNET_ERRORS = {
    "gaussian_noise": 0.8864,
    "shot_noise": 0.8945,
    "impulse_noise": 0.9226,
    "defocus_blur": 0.8199,
    "glass_blur": 0.8263,
    "motion_blur": 0.7860,
    "zoom_blur": 0.7984,
    "snow": 0.8668,
    "frost": 0.8266,
    "fog": 0.8193,
    "brightness": 0.5646,
    "contrast": 0.8532,
    "elastic_transform": 0.6461,
    "pixelate": 0.7178,
    "jpeg_compression": 0.6065,
    "speckle_noise": 0.8454,
    "gaussian_blur": 0.7871,
    "spatter": 0.7175,
    "saturate": 0.6583,
}
ALEXNET_CLEAN_ERROR = 0.43478  # torchvision's AlexNet, top-1 accuracy 56.522 %, the network of that paper (43.5 there)

# Flip probabilities on ImageNet-P, difficulty 1; the same sources. The first 10 make mFR.
ALEXNET_FLIPS = {
    "gaussian_noise": 0.23653,
    "shot_noise": 0.30062,
    "motion_blur": 0.09297,
    "zoom_blur": 0.05942,
    "snow": 0.11928,
    "brightness": 0.04889,
    "translate": 0.11007,
    "rotate": 0.13104,
    "tilt": 0.07050,
    "scale": 0.23531,
    "spatter": 0.05053,
    "speckle_noise": 0.18649,
    "gaussian_blur": 0.02775,
    "shear": 0.10658,
}
MFR_PERTURBATIONS = tuple(ALEXNET_FLIPS)[:10]
