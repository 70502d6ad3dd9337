import timm
import torch
from torch import nn

from covpool.models.techniques.tracing import trace


def traced(name, size=64, **options):
    with torch.device("meta"):
        backbone = timm.create_model(name, num_classes=0, **options)
        return backbone, trace(backbone, torch.zeros(1, 3, size, size))


class Layered(nn.Module):
    """Maps, then tokens, then a map with its channels last."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.linear = nn.Linear(8, 8)

    def forward_features(self, x):
        x = self.relu(self.relu(self.conv(x)))
        tokens = self.linear(x.flatten(2).transpose(1, 2))
        return tokens.transpose(1, 2).unflatten(2, (4, 4)).permute(0, 2, 3, 1)


def test_the_graph_knows_who_made_what_and_how_often():
    graph = trace(Layered(), torch.randn(1, 3, 8, 8))
    assert [node.name for node in graph.nodes][:4] == ["input", "conv2d", "relu", "relu"]
    assert graph.calls == {"conv": 1, "relu": 2, "linear": 1}
    assert graph.given["conv"][0] is graph.nodes[0]
    assert graph.nodes[1].made_by == ["conv"]
    assert graph.output.descends_from(graph.nodes[1])
    assert not graph.nodes[1].descends_from(graph.output)


def test_the_place_of_the_channels_is_followed():
    graph = trace(Layered(), torch.randn(1, 3, 8, 8))
    places = {node.name: (node.shape, node.channels) for node in graph.nodes}
    assert places["conv2d"] == ((1, 8, 4, 4), 1)
    assert places["linear"] == ((1, 16, 8), 2)
    assert places["permute"][0] == (1, 4, 4, 8)
    assert [node.name for node in graph.maps()] == ["input", "conv2d", "relu", "relu"]


def test_a_pass_changes_nothing_and_keeps_no_tensor():
    backbone = timm.create_model("test_resnet", num_classes=0).train()
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    trace(backbone, torch.randn(1, 3, 64, 64))
    assert backbone.training
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in backbone.modules())


def test_heights_are_those_of_the_stages():
    assert traced("resnet18")[1].heights() == [32, 16, 8, 4, 2]
    assert traced("vgg11_bn")[1].heights() == [64, 32, 16, 8, 4]
