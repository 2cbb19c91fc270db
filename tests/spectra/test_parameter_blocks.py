"""Restrictions and off-diagonal blocks are slices of the whole matrices."""

import jaxtyping
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from spectral_atlas.spectra.empirical_risk import EmpiricalRisk
from spectral_atlas.spectra.parameters import ParameterBlock

X = torch.randn(12, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
Y = torch.arange(12) % 4
KINDS = {
    "hessian": lambda r: r.hessian(),
    "ggn": lambda r: r.ggn(),
    "gradient_matrix": lambda r: r.gradient_matrix(),
    "centred": lambda r: r.gradient_matrix(centred=True),
}


class Net(nn.Module):
    def __init__(self, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.fc1, self.fc2, self.head = nn.Linear(3, 5), nn.Linear(5, 5), nn.Linear(5, 4)

    def forward(self, x):
        return self.head(torch.tanh(self.fc2(torch.tanh(self.fc1(x)))))


# fc1.weight 0:15, fc1.bias 15:20, fc2.weight 20:45, fc2.bias 45:50, head.weight 50:70, bias 70:74
SELECTIONS = {
    "layer": ("fc2", range(20, 50)),
    "two tensors": (["head.bias", "fc1.weight"], [*range(15), *range(70, 74)]),
    "neuron": ({"fc1.weight": 2, "fc1.bias": 2}, [6, 7, 8, 17]),
    "last neuron": ({"fc1.bias": -1}, [19]),
    "class and layer": ({"head.weight": 3, "fc2.bias": None}, [*range(45, 50), *range(65, 70)]),
    "rows in another order": (
        {"head.weight": torch.tensor([3, 1])},
        [*range(65, 70), *range(55, 60)],
    ),
    "list of rows": ({"head.weight": [0, 2]}, [*range(50, 55), *range(60, 65)]),
    "entries": ({"fc2.weight": (slice(1, 3), 4)}, [29, 34]),
    "mask": ({"fc1.bias": torch.tensor([True, False, True, False, False])}, [15, 17]),
    "everything": (["fc1", "fc2", "head"], range(74)),
}


@pytest.fixture(scope="module")
def risk():
    return EmpiricalRisk([Net(0), Net(1)], cross_entropy, [(X[:5], Y[:5]), (X[5:], Y[5:])])


@pytest.fixture(scope="module")
def whole(risk):
    return {kind: make(risk).dense() for kind, make in KINDS.items()}


@pytest.mark.parametrize("name", SELECTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_restrictions_are_principal_blocks(risk, whole, kind, name):
    selection, at = SELECTIONS[name][0], list(SELECTIONS[name][1])
    small = risk.restrict(selection)
    operator = KINDS[kind](small)
    exact = whole[kind][:, at][:, :, at]
    tolerance = {"rtol": 0, "atol": 1e-14}
    torch.testing.assert_close(operator.dense(), exact, **tolerance)
    V = torch.randn(2, len(at), dtype=torch.float64)
    torch.testing.assert_close(operator(V), torch.einsum("mij,mj->mi", exact, V), **tolerance)
    torch.testing.assert_close(small.gradient(), risk.gradient()[:, at], **tolerance)
    assert torch.equal(small.theta, risk.theta[:, at])
    assert small.n_params == sum(s.numel() for s in small.shapes.values()) == len(at)
    assert risk.n_params == 74


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("rows", "columns"),
    [("layer", "two tensors"), ("neuron", "layer"), ("class and layer", "list of rows"),
     ("everything", "neuron"), ("entries", "entries")],
)  # fmt: skip
def test_blocks_and_their_transposes(risk, whole, kind, rows, columns):
    (rs, r), (cs, c) = SELECTIONS[rows], SELECTIONS[columns]
    pair = KINDS[kind](risk).block(rs, cs)
    exact = whole[kind][:, list(r)][:, :, list(c)]
    assert pair.shape == exact.shape[1:]
    assert pair.n_members == 2
    V = torch.randn(2, len(c), dtype=torch.float64)
    U = torch.randn(2, len(r), dtype=torch.float64)
    tolerance = {"rtol": 0, "atol": 1e-14}
    torch.testing.assert_close(pair.dense(), exact, **tolerance)
    torch.testing.assert_close(pair(V), torch.einsum("mij,mj->mi", exact, V), **tolerance)
    torch.testing.assert_close(pair.adjoint(U), torch.einsum("mij,mi->mj", exact, U), **tolerance)
    one = np.array([1])
    torch.testing.assert_close(pair(V[1:], one), pair(V)[1:], **tolerance)
    torch.testing.assert_close(pair.dense(one), exact[1:], **tolerance)


def test_restrictions_of_restrictions(risk):
    rows = risk.restrict({"head.weight": [3, 1], "fc2": None})
    again = rows.restrict({"head.weight": 1})
    assert torch.equal(again.theta, risk.theta[:, 55:60])
    assert torch.equal(rows.restrict("head").theta, risk.theta[:, [*range(65, 70), *range(55, 60)]])
    with pytest.raises(ValueError, match="leaves the present restriction"):
        rows.restrict({"head.weight": 0})
    with pytest.raises(ValueError, match=r"unknown 'fc1'; allowed are fc2, fc2\.bias"):
        rows.restrict("fc1")


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ("fc9", "unknown 'fc9'; allowed are fc1, fc1.bias, fc1.weight, fc2"),
        ([], "nothing is selected"),
        ({}, "nothing is selected"),
        ({"fc1.bias": slice(3, 3)}, r"fc1.bias: index slice\(3, 3, None\) selects nothing"),
        ({"fc1.bias": 5}, r"fc1.bias: index 5 is out of range for shape \(5,\)"),
        ({"fc1.bias": [0, 9]}, "out of range"),
        ({"fc1.bias": [1, 1]}, "repeats an entry"),
        (["fc1", "fc1.bias"], "'fc1.bias' is selected twice"),
        ({"fc1": 0}, "is a layer; an index needs one of"),
        (
            {"fc1.bias": [1.5]},
            r"fc1.bias: index \[1.5\] is none of: an int, a slice with a positive",
        ),
        ({"fc1.bias": slice(None, None, -1)}, "none of: an int, a slice with a positive step"),
        ({"fc1.bias": slice(0, 2.5)}, "none of: an int, a slice with a positive step"),
        ({"fc1.weight": (slice(None, None, -1), 0)}, "none of: an int, a slice"),
        ({"fc1.bias": True}, "none of: an int"),
        ({"fc1.bias": "a"}, "none of: an int"),
        ({"fc1.bias": []}, r"fc1.bias: index \[\] selects nothing"),
        (5, "expected a name, names, or {name: index}, got 5"),
        ([1.5], r"expected a name, names, or {name: index}, got \[1.5\]"),
    ],
)
def test_one_line_says_what_is_wrong(risk, selection, message, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as users run it
    with pytest.raises(ValueError, match=message) as caught:
        risk.restrict(selection)
    assert "\n" not in str(caught.value)


def test_tied_parameters_by_either_name():
    net = Net().double()
    net.fc2.weight = nn.Parameter(torch.randn(5, 5, dtype=torch.float64))
    net.extra = nn.Linear(5, 5).double()
    net.extra.weight = net.fc2.weight
    risk = EmpiricalRisk(net, cross_entropy, (X, Y))
    assert risk.restrict("extra.weight").names == ("fc2.weight",)
    assert risk.restrict("extra").names == ("fc2.weight", "extra.bias")


def test_split_and_join_are_inverse():
    block = ParameterBlock({"a": torch.Size([2, 3]), "b": torch.Size([]), "c": torch.Size([2])})
    V = torch.randn(4, 2, 9, dtype=torch.float64)
    parts = block.split(V)
    assert {n: tuple(t.shape) for n, t in parts.items()} == {
        "a": (4, 2, 2, 3), "b": (4, 2), "c": (4, 2, 2)
    }  # fmt: skip
    assert all(t.is_contiguous() for t in parts.values())
    assert torch.equal(block.join(parts), V)
    some = block.select({"c": 1, "a": (slice(None), 0)})
    assert torch.equal(some.join(some.split(V[..., :3])), V[..., :3])
