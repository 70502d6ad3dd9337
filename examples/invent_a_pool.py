"""A paper invented in thirty lines: positions far from the mean weigh more, or less, by a learned power."""

import torch
from torch import Tensor, nn

import covpool
from covpool import functional
from covpool.pooling import SecondOrderPool
from covpool.pooling.normalize import MatrixSqrt
from covpool.pooling.vectorize import Triangle


class PoweredCovariance(nn.Module):
    """The new idea, a filling of the slot ``describe``: (B, C, N) -> (B, C, C)."""

    min_positions = 2

    def __init__(self) -> None:
        super().__init__()
        self.power = nn.Parameter(torch.zeros(()))  # 0 is the plain covariance

    def forward(self, x: Tensor) -> Tensor:
        distances = (x - x.mean(-1, keepdim=True)).square().mean(1)
        return functional.covariance(x, weights=(distances + 1e-6) ** self.power)


def powered(in_features: int, reduce_to: int | None = None, *, steps: int = 5) -> SecondOrderPool:
    """The new row of the table: every other slot is taken from the shelf."""
    dim = reduce_to or in_features
    root, vector = MatrixSqrt(steps=steps), Triangle(dim)
    return SecondOrderPool(in_features, reduce_to, describe=PoweredCovariance(), normalize=root, vectorize=vector)


covpool.register_pool("powered", powered, summary="covariance with learned weights", source="this example")


def train(steps: int = 20) -> list[float]:
    """Losses of a network with the new pool on pictures of two textures that no average tells apart."""
    torch.manual_seed(0)
    network = covpool.create_network("conv4", "powered", num_classes=2, reduce_to=16)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    losses = []
    for _ in range(steps):
        labels = torch.randint(2, (16,))
        noise = torch.randn(16, 3, 28, 28)
        stripes = noise.mean(3, keepdim=True).expand_as(noise) * 28**0.5
        images = torch.where(labels[:, None, None, None] == 1, stripes, noise)
        loss = nn.functional.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


if __name__ == "__main__":
    first, *_, last = train()
    print(f"loss {first:.3f} -> {last:.3f}")
