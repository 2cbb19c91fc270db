"""The stage functions: what is drawn, how it is trained, and what is measured on it."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from spectral_atlas.papers.benarous2024 import (
    agreement,
    effective_samples,
    effective_spectra,
    softmax,
    softmax_spectra,
    study,
    two_layer,
    two_layer_spectra,
)
from spectral_atlas.papers.benarous2024.config import Agreement
from spectral_atlas.papers.benarous2024.sections import (
    ClassMixture,
    ClassSpectra,
    Effective,
    LayerSpectra,
    Mixture,
    SoftmaxTraining,
    TwoLayerTraining,
    WidthsTraining,
)
from spectral_atlas.papers.benarous2024.study import Study
from spectral_atlas.stage import Job

JOB = Job(seed=5)
D, M = 30, 90
CLASSES = ClassMixture(classes=3, dimension=D, precision=50, test_samples=M, weights=[3, 2, 1])
XOR = Mixture(dimension=D, precision=50, test_samples=M)
SOFTMAX = SoftmaxTraining(seeds=2, ridge=0.02, checkpoints=[0, 1, 4])
TWO = TwoLayerTraining(runs=3, neurons=5, ridge=0.05, checkpoints=[0, 1, 4])
Files = dict[str, xr.Dataset]


@pytest.fixture(scope="module")
def mixture() -> Files:
    files = {"data/m": study.classes(CLASSES, {}, JOB)}
    return files | {"runs/m": softmax.softmax(SOFTMAX, files, JOB)}


@pytest.fixture(scope="module")
def xor() -> Files:
    files = {"data/x": study.xor(XOR, {}, JOB)}
    return files | {"runs/x": two_layer.two_layer(TWO, files, JOB)}


def descending(A: np.ndarray) -> np.ndarray:
    return np.linalg.eigvalsh(A)[::-1]


def probabilities(Y: np.ndarray, x: np.ndarray) -> np.ndarray:
    e = np.exp(Y @ x.T)
    return e / e.sum(1, keepdims=True)


def test_the_training_samples_are_those_of_sgd_and_no_test_sample_is_among_them(
    mixture: Files,
) -> None:
    """SGD written out, on the samples that the train set says it saw, ends where the run is."""
    one = Study.load(mixture["data/m"], JOB)
    Y, labels = one.train_set(1)
    assert len(Y) == M
    assert not set(Y[:, 0]) & set(one.test_set(1)[0][:, 0])
    runs = mixture["runs/m"]
    x, rate = runs["x"].values[1, 0].copy(), 1 / D
    for y, c in zip(Y[: int(runs["step"][1])], labels, strict=False):
        r = probabilities(y[None], x)[0]
        r[c] -= 1
        x = (1 - rate * 0.02) * x - rate * np.outer(r, y)
    np.testing.assert_allclose(runs["x"].values[1, 1], x, rtol=1e-10, atol=1e-13)


def test_the_two_layer_runs_are_sgd_on_their_training_samples(xor: Files) -> None:
    one = Study.load(xor["data/x"], JOB)
    X, labels = one.train_set(2)
    runs, rate, ridge = xor["runs/x"], 1 / D, 0.05
    W, v = runs["W"].values[2, 0].copy(), runs["v"].values[2, 0].copy()
    for x, y in zip(X[: int(runs["step"][1])], labels, strict=False):
        h = W @ x
        s = 1 / (1 + np.exp(-v @ np.maximum(h, 0))) - y
        W, v = (
            (1 - rate * ridge) * W - rate * np.outer(s * v * (h > 0), x),
            (1 - rate * ridge) * v - rate * s * np.maximum(h, 0),
        )
    np.testing.assert_allclose(runs["W"].values[2, 1], W, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(runs["v"].values[2, 1], v, rtol=1e-10)


def test_more_seeds_keep_the_first_and_other_roots_give_other_runs(mixture: Files) -> None:
    more = softmax.softmax(SOFTMAX.model_copy(update={"seeds": 3}), mixture_data(mixture), JOB)
    np.testing.assert_array_equal(more["x"][:2], mixture["runs/m"]["x"])
    other = softmax.softmax(SOFTMAX, mixture_data(mixture), Job(seed=6))
    assert not np.allclose(other["x"][0, 0], mixture["runs/m"]["x"][0, 0])
    a, b = (Study.load(mixture["data/m"], Job(seed)).test_set(0)[0] for seed in (5, 6))
    assert not np.allclose(a, b)


def mixture_data(files: Files) -> Files:
    return {ref: data for ref, data in files.items() if ref.startswith("data/")}


def test_shares_and_starts_are_what_the_configuration_says(mixture: Files) -> None:
    np.testing.assert_allclose(mixture["data/m"]["weights"], [1 / 2, 1 / 3, 1 / 6])
    big = CLASSES.model_copy(update={"test_samples": 30_000})
    Y, labels = Study.load(study.classes(big, {}, JOB), JOB).test_set(0)
    np.testing.assert_allclose(np.bincount(labels) / len(labels), [1 / 2, 1 / 3, 1 / 6], atol=0.01)
    means = np.stack([Y[labels == c].mean(0) for c in range(3)])
    np.testing.assert_allclose(means, np.eye(D)[:3], atol=0.01)
    assert Y[labels == 0].var(0).mean() == pytest.approx(1 / 50, rel=0.02)
    start = softmax.softmax(
        SoftmaxTraining(seeds=200, ridge=0.0, checkpoints=[0]), mixture_data(mixture), JOB
    )["x"].values
    assert (start**2).sum(-1).mean() == pytest.approx(1, rel=0.03)  # x^c ~ N(0, I/d)


@pytest.mark.parametrize("kind", ["gaussian", "correlated"])
def test_the_variants_have_the_means_they_name(kind: str) -> None:
    correlation = 0.4 if kind == "correlated" else 0.0
    config = ClassMixture(
        classes=5, dimension=200, precision=1, test_samples=200, means=kind, correlation=correlation
    )
    means = study.classes(config, {}, JOB)["means"].values
    gram = means @ means.T
    if kind == "correlated":
        np.testing.assert_allclose(gram, 0.4 + 0.6 * np.eye(5), atol=1e-12)
    else:
        assert np.abs(gram - np.eye(5)).max() < 0.5
        assert np.abs(gram - np.eye(5)).max() > 1e-3
        again = study.classes(config, {}, Job(seed=99))["means"].values
        assert not np.allclose(means, again)


def test_class_blocks_are_those_of_the_formulas(mixture: Files) -> None:
    config = ClassSpectra(
        all_classes_seeds=1,
        beyond=4,
        density_times=[0, 4],
        sample_ratios=[2],
        ratio_time=4,
        shown_coordinates=8,
    )
    found = softmax_spectra.class_blocks(config, mixture, JOB)
    runs, one = mixture["runs/m"], Study.load(mixture["data/m"], JOB)
    for run, t, c in ((0, 2, 0), (0, 1, 2), (1, 2, 0)):
        (Y, labels), x = one.test_set(run), runs["x"].values[run, t]
        p = probabilities(Y, x)
        weights = {"hessian": p[:, c] * (1 - p[:, c]), "gradient": (p[:, c] - (labels == c)) ** 2}
        for matrix, w in weights.items():
            block = Y.T @ (w[:, None] * Y) / len(Y)
            here = found.sel(matrix=matrix).isel(run=run, time=t)
            values, vectors = np.linalg.eigh(block)
            np.testing.assert_allclose(
                here["eigenvalues"][c], values[::-1][:7], rtol=1e-10, atol=1e-14
            )
            top = vectors[:, ::-1][:, :3]
            for r, name in ((3, "rho_k"), (1, "rho_1")):
                rho = np.linalg.norm(top[:, :r].T @ x[c]) / np.linalg.norm(x[c])
                assert float(here[name][c]) == pytest.approx(rho, rel=1e-8)
            overlap = np.sum(top[:3] ** 2) / 3  # the means are the first three axes
            assert float(here["overlap"][c]) == pytest.approx(overlap, rel=1e-8)
            if c == 0:
                leading = top[:, 0] * np.sign(top[:, 0] @ x[0])
                np.testing.assert_allclose(here["leading"], leading[:8], atol=1e-9)
                np.testing.assert_allclose(here["leading_on_means"], leading[:3], atol=1e-9)
            if run == 0 and c == 0:
                whole = found["spectrum"].sel(matrix=matrix, density_time=4)
                np.testing.assert_allclose(whole, values[::-1], atol=1e-14)
                fewer = Y[: 2 * D].T @ (w[: 2 * D, None] * Y[: 2 * D]) / (2 * D)
                small = found["ratio_spectrum"].sel(matrix=matrix, ratio=2)[run]
                np.testing.assert_allclose(small, descending(fewer), atol=1e-14)
    (Y, labels), x = one.test_set(1), runs["x"].values[1, 2]
    p = probabilities(Y, x)
    assert float(found["risk"][1, 2]) == pytest.approx(-np.log(p[range(M), labels]).mean())
    assert float(found["accuracy"][1, 2]) == pytest.approx((p.argmax(1) == labels).mean())
    assert np.isnan(found["rho_k"][:, 1, :, 1:]).all(), "not asked for"
    assert np.isfinite(found["rho_k"][:, 0]).all()


def test_the_cross_block_is_measured_by_size_of_eigenvalues(mixture: Files) -> None:
    found = softmax_spectra.class_blocks(ClassSpectra(beyond=2, off_diagonal=True), mixture, JOB)
    (Y, labels), x = (
        Study.load(mixture["data/m"], JOB).test_set(0),
        mixture["runs/m"]["x"].values[0, -1],
    )
    p = probabilities(Y, x)
    r = p - np.eye(3)[labels]
    for m, w in enumerate((-p[:, 0] * p[:, 1], r[:, 0] * r[:, 1])):
        values = np.linalg.eigvalsh(Y.T @ (w[:, None] * Y) / len(Y))
        by_size = values[np.argsort(-np.abs(values))][:5]
        np.testing.assert_allclose(found["cross_eigenvalues"][m, 0], by_size, atol=1e-13)


def test_train_samples_and_chosen_times(mixture: Files) -> None:
    config = ClassSpectra(samples="train", times=[4])
    found = softmax_spectra.class_blocks(config, mixture, JOB)
    assert found["time"].values.tolist() == [4]
    Y, _ = Study.load(mixture["data/m"], JOB).train_set(0)
    p = probabilities(Y, mixture["runs/m"]["x"].values[0, 2])[:, 0]
    block = Y.T @ ((p * (1 - p))[:, None] * Y) / M
    np.testing.assert_allclose(
        found["eigenvalues"][0, 0, 0, 0], descending(block)[:8], rtol=1e-10, atol=1e-14
    )


def test_layer_blocks_are_those_of_the_formulas(xor: Files) -> None:
    config = LayerSpectra(neuron_runs=2, density_times=[4], shown_coordinates=6)
    found = two_layer_spectra.layer_blocks(config, xor, JOB)
    runs, one = xor["runs/x"], Study.load(xor["data/x"], JOB)
    for run, t in ((0, 2), (1, 1), (2, 2)):
        X, y = one.test_set(run)
        W, v = runs["W"].values[run, t], runs["v"].values[run, t]
        g = np.maximum(X @ W.T, 0)
        s = 1 / (1 + np.exp(-g @ v))
        for matrix, w in {"hessian": s * (1 - s), "gradient": (s - y) ** 2}.items():
            here = found.sel(matrix=matrix).isel(run=run, time=t)
            values, vectors = np.linalg.eigh(g.T @ (w[:, None] * g) / M)
            np.testing.assert_allclose(here["readout_eigenvalues"], values[::-1], atol=1e-13)
            rho = np.linalg.norm(vectors[:, ::-1][:, :2].T @ v) / np.linalg.norm(v)
            assert float(here["readout_rho"][1]) == pytest.approx(rho, rel=1e-8)
            assert float(here["readout_rho"][-1]) == pytest.approx(1)
            if run == 2:
                continue
            i = int(np.abs(v).argmax())
            gate = g[:, i] > 0
            block = v[i] ** 2 * X.T @ ((w * gate)[:, None] * X) / M
            values, vectors = np.linalg.eigh(block)
            neuron = found.sel(matrix=matrix).isel(neuron_run=run, time=t, neuron=i)
            np.testing.assert_allclose(
                neuron["neuron_eigenvalues"], values[::-1][:6], rtol=1e-9, atol=1e-14
            )
            top = vectors[:, ::-1][:, :2]
            rho = np.linalg.norm(top.T @ W[i]) / np.linalg.norm(W[i])
            assert float(neuron["neuron_rho_2"]) == pytest.approx(rho, rel=1e-8)
            overlap = np.sum(top[:2] ** 2) / 2  # mu and nu are the first two axes
            assert float(neuron["neuron_overlap"]) == pytest.approx(overlap, rel=1e-8)
    assert found.attrs["spectrum_neuron"] == np.abs(runs["v"].values[0, -1]).argmax()
    features = np.maximum(runs["W"].values[0, 2] @ xor["data/x"]["means"].values.T, 0)
    v = runs["v"].values[0, 2]
    fitted = features @ np.linalg.lstsq(features, v, rcond=None)[0]
    rho = np.linalg.norm(fitted) / np.linalg.norm(v)
    assert float(found["v_in_features"][0, 2]) == pytest.approx(rho, rel=1e-8)


def test_without_first_layer_runs_only_the_second_is_measured(xor: Files) -> None:
    found = two_layer_spectra.layer_blocks(LayerSpectra(), xor, JOB)
    assert "neuron_rho_2" not in found
    assert np.isfinite(found["readout_eigenvalues"]).all()


def test_f_on_the_means_and_accuracy(xor: Files) -> None:
    runs = xor["runs/x"]
    W, v = runs["W"].values[1, 2], runs["v"].values[1, 2]
    means = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]]) @ np.eye(D)[:2]
    np.testing.assert_allclose(runs["f_means"][1, 2], np.maximum(means @ W.T, 0) @ v, rtol=1e-12)
    X, y = Study.load(xor["data/x"], JOB).test_set(1)
    f = np.maximum(X @ W.T, 0) @ v
    found = two_layer_spectra.layer_blocks(LayerSpectra(), xor, JOB)
    assert float(found["accuracy"][1, 2]) == pytest.approx(((f > 0) == y).mean())
    assert float(found["risk"][1, 2]) == pytest.approx((np.log1p(np.exp(f)) - y * f).mean())


def test_starts_are_chosen_by_the_number_of_basins() -> None:
    files = {"data/x": study.xor(XOR, {}, JOB)}
    config = TwoLayerTraining(runs=300, per_count=2, neurons=4, ridge=0.05, checkpoints=[0, 1])
    runs = two_layer.two_layer(config, files, JOB)
    counts = [len(set(row)) for row in runs["basin"].values]
    assert counts == [1, 1, 2, 2, 3, 3, 4, 4]
    everyone = two_layer.two_layer(config.model_copy(update={"per_count": 0}), files, JOB)
    same = everyone.sel(run=runs["run"].values)
    np.testing.assert_array_equal(same["W"], runs["W"])
    every_count = np.array([len(set(row)) for row in everyone["basin"].values])
    for n in range(1, 5):
        first = np.flatnonzero(every_count == n)[:2]
        np.testing.assert_array_equal(runs["run"].values[2 * n - 2 : 2 * n], first)
    few = config.model_copy(update={"per_count": 9, "runs": 20})
    with pytest.raises(ValueError, match="per_count = 9: among runs = 20 starts there are only"):
        two_layer.two_layer(few, files, JOB)


def test_widths_keep_what_was_learned_by_each_number_of_neurons() -> None:
    files = {"data/x": study.xor(XOR, {}, JOB)}
    config = WidthsTraining(runs=40, neurons=[1, 6], ridge=0.05, checkpoints=[0, 2])
    found = two_layer.widths(config, files, JOB)
    assert found["f_means"].shape == (2, 40, 2, 4)
    assert (found["basins"].sel(neurons=1) == 1).all()
    assert 2.5 < float(found["basins"].sel(neurons=6).mean()) < 4
    # One neuron: f is v_1 max(W_1 . X, 0), positive on at most one of mu, -mu.
    first = found["f_means"].sel(neurons=1).values
    assert (np.count_nonzero(first, axis=-1) == 2).all()


@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered:RuntimeWarning")
def test_lost_runs_are_kept_as_nan_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"data/x": study.xor(XOR, {}, JOB)}
    normal = two_layer.start

    def one_is_huge(*args: object) -> tuple[np.ndarray, np.ndarray]:
        W, v = normal(*args)  # type: ignore[arg-type]
        W[1] *= 1e200
        return W, v

    monkeypatch.setattr(two_layer, "start", one_is_huge)
    runs = two_layer.two_layer(TWO, files, JOB)
    lost = runs["diverged_at"].values >= 0
    assert lost.tolist() == [False, True, False]
    assert np.isnan(runs["W"][1, -1]).all()
    found = two_layer_spectra.layer_blocks(
        LayerSpectra(neuron_runs=3), {**files, "runs/x": runs}, JOB
    )
    assert np.isnan(found["readout_eigenvalues"][:, 1, -1]).all()
    assert np.isnan(found["risk"][1, -1])
    assert np.isfinite(found["risk"][[0, 2]]).all()
    assert np.isfinite(found["readout_eigenvalues"][:, [0, 2]]).all()
    predicted = effective_spectra.neuron_prediction(
        Effective(draws=500, times=[4]), {**files, "runs/x": runs}, JOB
    )
    assert (predicted["n_outliers"][:, 1] == -1).all()
    assert (predicted["n_outliers"][:, [0, 2]] >= 0).all()


def test_a_lost_run_of_logistic_regression_costs_only_its_own_numbers(mixture: Files) -> None:
    runs = mixture["runs/m"].copy(deep=True)
    runs["x"][1, 1:] = np.nan
    runs["diverged_at"][1] = 7
    files = {**mixture, "runs/m": runs}
    config = ClassSpectra(
        all_classes_seeds=2, off_diagonal=True, density_times=[0, 4], sample_ratios=[2],
        ratio_time=4,
    )  # fmt: skip
    found = softmax_spectra.class_blocks(config, files, JOB)
    for name in ("eigenvalues", "rho_k", "risk", "cross_overlap", "ratio_spectrum"):
        values = found[name].transpose("run", ...)
        values = values.isel(time=-1) if "time" in values.dims else values
        assert np.isnan(values[1]).all(), name
        assert np.isfinite(values[0]).all(), name
    predicted = effective_spectra.class_prediction(Effective(draws=500, times=[4]), files, JOB)
    assert predicted["n_outliers"].values[:, :, 0].tolist() == [
        [n, -1] for n in predicted["n_outliers"].values[:, 0, 0]
    ]
    assert np.isnan(predicted["given_edge"][:, 1]).all()


@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered:RuntimeWarning")
def test_a_study_whose_runs_are_all_lost_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"data/x": study.xor(XOR, {}, JOB)}
    huge = np.full((3, 5, D), 1.7e308), np.full((3, 5), 1.0)
    monkeypatch.setattr(two_layer, "start", lambda *_: huge)
    with pytest.raises(ValueError, match="all 3 runs overflowed, the first at step"):
        two_layer.two_layer(TWO, files, JOB)


def test_checkpoints_that_fall_on_one_step_are_refused(mixture: Files) -> None:
    config = SOFTMAX.model_copy(update={"checkpoints": [0, 0.001]})
    with pytest.raises(ValueError, match=r"must be at least delta = 0\.0333333 apart"):
        softmax.softmax(config, mixture_data(mixture), JOB)


def test_predictions_lie_where_the_spectra_are(mixture: Files, xor: Files) -> None:
    """At d = 30 only roughly: the edge within a third, the top outlier within a fifth."""
    predicted = effective_spectra.class_prediction(Effective(times=[4]), mixture, JOB)
    measured = softmax_spectra.class_blocks(ClassSpectra(density_times=[4]), mixture, JOB)
    for matrix in study.MATRICES:
        top = measured["eigenvalues"].sel(matrix=matrix, time=4)[0, 0].values
        n = int(predicted["n_outliers"].sel(matrix=matrix)[0, 0])
        assert n >= 1
        guess = predicted.sel(matrix=matrix).isel(run=0, time=0)
        assert float(guess["outliers"][0]) == pytest.approx(top[0], rel=0.2)
        assert float(guess["edge"]) == pytest.approx(top[n], rel=0.34)
        at, density = guess["density_at"].values, guess["density"].values
        assert np.trapezoid(density, at) == pytest.approx(1, abs=0.1)
        given = {name: guess[f"given_{name}"] for name in ("outliers", "edge", "n_outliers")}
        assert int(given["n_outliers"]) >= 1
        assert float(given["outliers"][0]) == pytest.approx(top[0], rel=0.1)
        assert float(given["edge"]) == pytest.approx(top[int(given["n_outliers"])], rel=0.34)
    two = effective_spectra.neuron_prediction(Effective(times=[4]), xor, JOB)
    spectra = two_layer_spectra.layer_blocks(LayerSpectra(neuron_runs=1), xor, JOB)
    i = int(two["spectrum_neuron"][0])
    top = spectra["neuron_eigenvalues"].sel(matrix="hessian", time=4)[0, i].values
    assert float(two["outliers"].sel(matrix="hessian")[0, 0, 0]) == pytest.approx(top[0], rel=0.25)


def test_given_samples_are_those_of_the_test_set(mixture: Files, xor: Files) -> None:
    """Their weights by the formulas, their projections on parameters and means; their shares."""
    one, x = Study.load(mixture["data/m"], JOB), mixture["runs/m"]["x"].values[0, -1]
    Y, labels = one.test_set(0)
    h, V = effective_samples.class_block_given(Y, labels, x, one.mixture.means, 2, "gradient")
    p = probabilities(Y, x)[:, 2]
    np.testing.assert_allclose(h, (p - (labels == 2)) ** 2, rtol=1e-9, atol=1e-300)
    assert V.shape == (M, 6)
    span = np.linalg.qr(np.concatenate([x, one.mixture.means]).T)[0]
    np.testing.assert_allclose(np.linalg.norm(V, axis=1), np.linalg.norm(Y @ span, axis=1))
    two, runs = Study.load(xor["data/x"], JOB), xor["runs/x"]
    (X, y), W, v = two.test_set(1), runs["W"].values[1, -1], runs["v"].values[1, -1]
    f = np.maximum(X @ W.T, 0) @ v
    s = 1 / (1 + np.exp(-f))
    h, _ = effective_samples.neuron_block_given(X, y, W, v, two.mixture.means, 3, "hessian")
    np.testing.assert_allclose(h, v[3] ** 2 * s * (1 - s) * (X @ W[3] > 0), rtol=1e-9)
    shares = np.bincount(one.test_set(0)[1], minlength=3) / M
    np.testing.assert_allclose(one.test_shares(0), shares)


def test_structured_blocks_agree_with_automatic_differentiation(mixture: Files, xor: Files) -> None:
    found = agreement.agreement(Agreement(samples=50), {**mixture, **xor}, JOB)
    assert found.sizes["block"] == 9
    assert float(found["deviation"].max()) < 1e-12
