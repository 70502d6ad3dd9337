"""The tracer changes no number, and names what lies between modules too."""

import torch
from torch import nn

from covpool.training.doctor.tracer import Tracer


class Between(nn.Module):
    """Takes a root between its two layers."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 3, bias=False), nn.Linear(3, 1)

    def forward(self, x):
        return self.second(self.first(x).sqrt())


class Residual(nn.Module):
    """x + f(x), with an activation in place."""

    def __init__(self):
        super().__init__()
        self.f = nn.Sequential(nn.BatchNorm1d(3), nn.ReLU(inplace=True), nn.Linear(3, 3))

    def forward(self, x):
        return x + self.f(x)


def network_of(*modules):
    torch.manual_seed(0)
    return nn.Sequential(*modules)


def traced(network, x):
    tracer = Tracer(network)
    with tracer.watching():
        answer = network(x)
        answer.sum().backward()
    return tracer, answer


def test_the_numbers_and_the_gradients_stay_the_same():
    network, x = network_of(Residual(), Residual(), nn.Linear(3, 2)), torch.randn(5, 3)
    plain = network(x)
    plain.sum().backward()
    gradients = [p.grad.clone() for p in network.parameters()]
    network.zero_grad()
    tracer, answer = traced(network, x)
    assert torch.equal(answer, plain)
    assert all(torch.equal(p.grad, g) for p, g in zip(network.parameters(), gradients, strict=True))
    assert tracer.forward_fault is None
    assert tracer.backward_fault() is None
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())


def test_a_root_between_two_modules_is_the_fault_of_the_module_around_them():
    network = network_of(nn.Linear(3, 3), Between())
    with torch.no_grad():
        network[1].first.weight.copy_(-torch.eye(3))
        network[0].weight.copy_(torch.eye(3))
    tracer, _ = traced(network, torch.ones(2, 3))
    assert (tracer.forward_fault.module, tracer.forward_fault.where) == ("1", "arithmetic")


def test_a_root_at_zero_breaks_the_gradient_behind_the_module_before_it():
    network = network_of(nn.Linear(3, 3), Between())
    with torch.no_grad():
        network[1].first.weight.zero_()
    tracer, _ = traced(network, torch.ones(2, 3))
    assert tracer.forward_fault is None
    fault = tracer.backward_fault()
    assert (fault.module, fault.where) == ("1.first", "arrival")


def test_a_gradient_that_breaks_inside_the_first_container_is_found_there():
    """The picture asks for no gradient, and the container has no parameters of its own."""

    class Stem(nn.Sequential):
        def forward(self, x):
            return super().forward(x).sqrt()

    network = network_of(Stem(nn.Linear(3, 3)), nn.Linear(3, 1))
    with torch.no_grad():
        network[0][0].weight.zero_()
        network[0][0].bias.zero_()
    tracer, _ = traced(network, torch.ones(2, 3))
    assert tracer.forward_fault is None
    fault = tracer.backward_fault()
    assert (fault.module, fault.where) == ("0.0", "arrival")


def test_one_branch_of_a_sum_is_told_from_the_other():
    class Fork(nn.Module):
        def __init__(self):
            super().__init__()
            self.sound, self.broken = nn.Linear(3, 3), nn.Sequential(nn.Linear(3, 3))

        def forward(self, x):
            return self.sound(x) + self.broken(x)

    network = network_of(nn.Linear(3, 3), Fork())
    network[1].broken[0].register_full_backward_hook(lambda module, inputs, outputs: (inputs[0] * torch.nan,))
    tracer, _ = traced(network, torch.ones(2, 3))
    assert tracer.backward_fault().module == "1.broken.0"


def test_what_a_module_was_given_is_kept():
    network = network_of(nn.Linear(2, 2), nn.Softplus())
    with torch.no_grad():
        network[0].weight.fill_(torch.nan)
    tracer, _ = traced(network, torch.tensor([[0.0, -3.0]]))
    fault = tracer.forward_fault
    assert (fault.module, fault.kind, fault.inputs["min"], fault.inputs["zeros"]) == ("0", "Linear", -3.0, 0.5)
