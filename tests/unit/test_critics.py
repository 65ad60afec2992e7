"""Critics against closed forms, loops and torch's own parts; their training against plain torch."""

from __future__ import annotations

import copy
import functools
import itertools
import math
import shutil
import subprocess
import sys
import warnings

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import multivariate_normal, norm, rankdata

from infometric.exceptions import (
    DataError,
    InfometricWarning,
    InvalidParameterError,
    UnsupportedError,
)
from infometric.functional.bounds import (
    BOUNDS,
    CLUB,
    NWJ,
    TUBA,
    DifferenceOfEntropies,
    InfoNCE,
    LeaveOneOut,
    nt_xent,
)

torch = pytest.importorskip("torch")

from torch import _dynamo, nn  # noqa: E402
from torch._dynamo.utils import counters  # noqa: E402
from torch._inductor import config as inductor  # noqa: E402

from infometric import NeuralMI, effective_dimension  # noqa: E402
from infometric.neural import critics, training  # noqa: E402
from infometric.neural.critics import (  # noqa: E402
    CRITICS,
    BilinearCritic,
    ConcatCritic,
    GaussianConditional,
    HybridCritic,
    SeparableCritic,
    VariationalCritic,
    mlp,
)
from infometric.neural.dimension import participation  # noqa: E402
from infometric.neural.model import (  # noqa: E402
    GaussianAnchor,
    Model,
    NormalScores,
    Plain,
    Standard,
    anchor_of,
    baseline_net,
)
from infometric.neural.training import Plan, Trainer, train  # noqa: E402

# one fold is quick, and says that its rows ended the training
pytestmark = pytest.mark.filterwarnings("ignore:The rows that are scored ended the training")

SCORING = [name for name in CRITICS if name != "gaussian"]


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def gaussian(n, d, information, seed=0):
    """Rows of normal x and y, and rho and the variance of what is left."""
    r = np.random.default_rng(seed)
    rho = math.sqrt(1 - math.exp(-2 * information / d))
    v = 1 - rho**2
    x = r.standard_normal((n, d))
    return x, rho * x + math.sqrt(v) * r.standard_normal((n, d)), rho, v


def log_ratio(x, y, rho, v):
    """Exact log density ratio of all pairs."""
    d = x.shape[1]
    apart = ((y[None] - rho * x[:, None]) ** 2).sum(-1) / v
    return -0.5 * apart - 0.5 * d * np.log(v) + 0.5 * (y**2).sum(-1)[None]


def tensors(*arrays):
    return tuple(torch.as_tensor(a, dtype=torch.float32) for a in arrays)


def double_centred(f):
    return f - f.mean(0) - f.mean(1)[:, None] + f.mean()


# --- separable, bilinear --------------------------------------------------------------------------


class Squared(nn.Module):
    """Columns, and the sum of their squares."""

    def forward(self, rows):
        return torch.cat([rows, (rows**2).sum(1, keepdim=True)], 1)


def exact_separable(d, rho, v):
    """Separable critic with codes set by hand to the log ratio of normal variables."""
    critic = SeparableCritic(
        d + 1, d + 1, embedding_dim=d, hidden=(), encoder_x=Squared(), encoder_y=Squared()
    ).double()
    with torch.no_grad():
        for encoder, scale in ((critic.g, rho / v), (critic.h, 1.0)):
            encoder.last.weight.zero_()
            encoder.last.bias.zero_()
            encoder.last.weight[:d, :d] = scale * torch.eye(d, dtype=torch.float64)
            encoder.last.weight[d, d] = -0.5 * rho**2 / v
        critic.g.last.bias[d] = -0.5 * d * math.log(v)
    return critic


def test_separable_critic_of_rank_d_is_the_gaussian_log_ratio():
    x, y, rho, v = gaussian(50, 6, 3.0)
    scores = exact_separable(6, rho, v)(torch.as_tensor(x), torch.as_tensor(y))
    np.testing.assert_allclose(scores.detach().numpy(), log_ratio(x, y, rho, v), atol=1e-10)


def test_separable_critic_of_lower_rank_cannot_be_it():
    d = 6
    x, y, rho, v = gaussian(50, d, 3.0)
    wanted = np.linalg.svd(double_centred(log_ratio(x, y, rho, v)), compute_uv=False)
    assert wanted[d - 1] > 10
    assert wanted[d] < 1e-9
    assert np.linalg.matrix_rank(log_ratio(x, y, rho, v), tol=1e-8) == d + 2
    for rank in (d, d - 1):
        critic = SeparableCritic(d, d, embedding_dim=rank).double()
        scores = critic(torch.as_tensor(x), torch.as_tensor(y)).detach().numpy()
        s = np.linalg.svd(double_centred(scores), compute_uv=False)
        assert s[rank] < 1e-9 * s[0]  # the log ratio would stay wanted[d - 1] away at rank d - 1


def test_bilinear_critic_is_its_form():
    critic = BilinearCritic(3, 4, embedding_dim=5)
    with torch.no_grad():
        critic.weight.copy_(torch.randn(5, 5))
    x, y = torch.randn(7, 3), torch.randn(6, 4)
    wanted = torch.einsum("ik,kl,jl->ij", critic.g(x), critic.weight, critic.h(y))
    torch.testing.assert_close(critic(x, y), wanted)


# --- a network on pairs ---------------------------------------------------------------------------


def naive_head(head):
    """The same network on rows put beside each other."""
    first = nn.Linear(head.of_x.in_features + head.of_y.in_features, head.of_x.out_features)
    with torch.no_grad():
        first.weight.copy_(torch.cat([head.of_x.weight, head.of_y.weight], 1))
        first.bias.copy_(head.of_x.bias)
    return nn.Sequential(first, head.top)


@pytest.mark.parametrize("kind", [ConcatCritic, HybridCritic])
def test_pair_head_is_the_network_on_rows_side_by_side(kind):
    critic = kind(3, 2).double()
    x, y = torch.randn(5, 3).double(), torch.randn(4, 2).double()
    z_x, z_y = critic.encode(x, y)
    naive = naive_head(critic.head).double()
    pairs = [naive(torch.cat([a, b])) for a, b in itertools.product(z_x, z_y)]
    torch.testing.assert_close(critic(x, y), torch.cat(pairs).reshape(5, 4))


@pytest.mark.parametrize("name", ["concat", "hybrid", "gaussian"])
def test_parts_without_gradients_are_the_whole(name, monkeypatch):
    critic = CRITICS[name](3, 2)
    x, y = torch.randn(23, 3), torch.randn(11, 2)
    whole = critic(x, y)
    assert whole.requires_grad
    calls = []
    monkeypatch.setattr(critics, "PAIRS", 400)
    real = torch.cat
    monkeypatch.setattr(torch, "cat", lambda parts: calls.append(len(parts)) or real(parts))
    with torch.no_grad():
        parts = critic(x, y)
    assert calls[0] > 1
    torch.testing.assert_close(parts, whole.detach())


@pytest.mark.parametrize("name", SCORING)
def test_silent_critics_give_zeros_and_can_be_trained(name):
    critic = CRITICS[name](3, 2)
    critic.silence()
    x, y = torch.randn(16, 3), torch.randn(16, 2)
    scores = critic(x, y)
    assert float(scores.detach().abs().max()) == 0
    InfoNCE().loss(scores).backward()
    assert sum(float(p.grad.abs().sum()) for p in critic.parameters() if p.grad is not None) > 0


@pytest.mark.parametrize("name", CRITICS)
def test_critics_score_unequal_numbers_of_rows(name):
    critic = CRITICS[name](3, 2)
    assert critic(torch.randn(7, 3), torch.randn(4, 2)).shape == (7, 4)


@pytest.mark.parametrize("hidden", [(0,), (64, -1), ("wide",), (2.5,)])
def test_widths_that_are_none(hidden):
    with pytest.raises(InvalidParameterError, match="Widths of layers"):
        SeparableCritic(2, 2, hidden=hidden)


def test_a_network_on_pairs_has_a_layer():
    with pytest.raises(InvalidParameterError, match="1 of them or more"):
        ConcatCritic(2, 2, hidden=())


# --- variational ----------------------------------------------------------------------------------


def loud(**kw):
    """Variational critic whose codes have no small variance."""
    critic = VariationalCritic(3, 2, embedding_dim=4, **kw)
    with torch.no_grad():
        for encoder in (critic.g, critic.h):
            encoder.last.weight.normal_(std=0.5)
    return critic


def laws(encoder, rows):
    mean, log_variance = encoder(rows).chunk(2, dim=1)
    return torch.distributions.Normal(mean, (0.5 * log_variance.clamp(-10, 4)).exp())


@pytest.mark.parametrize("compress", ["both", "x"])
def test_price_is_the_divergence_that_torch_gives(compress):
    critic = loud(compress=compress, beta=8)
    x, y = torch.randn(9, 3), torch.randn(9, 2)
    _, price = critic.priced(x, y)
    standard = torch.distributions.Normal(0.0, 1.0)
    coded = [(critic.g, x), (critic.h, y)][: 2 if compress == "both" else 1]
    kl = sum(
        torch.distributions.kl_divergence(laws(e, rows), standard).sum(1).mean()
        for e, rows in coded
    )
    torch.testing.assert_close(price * 8, kl)


def test_noise_is_of_training_alone():
    critic = loud(compress="x")
    x, y = torch.randn(4000, 3), torch.randn(2, 2)
    one, two = critic.encode(x, y), critic.encode(x, y)
    assert not torch.equal(one[0], two[0])
    assert torch.equal(one[1], two[1])  # only x is coded with noise
    law = laws(critic.g, x)
    standardised = ((one[0] - law.mean) / law.stddev).detach().numpy()
    assert abs(standardised.mean()) < 0.03
    assert abs(standardised.std() - 1) < 0.03
    critic.eval()
    torch.testing.assert_close(critic.encode(x, y)[0], law.mean)
    assert torch.equal(critic(x, y), critic(x, y))


def test_log_variance_is_clamped():
    critic = loud(compress="x")
    x, y = torch.randn(5, 3), torch.randn(5, 2)
    for bias, kept in ((1e4, 4.0), (-1e4, -10.0)):
        with torch.no_grad():
            critic.g.last.weight.zero_()
            critic.g.last.bias[:4] = 0
            critic.g.last.bias[4:] = bias
        _, price = critic.priced(x, y)
        wanted = 0.5 * 4 * (math.exp(kept) - 1 - kept) / critic.beta
        assert float(price.detach()) == pytest.approx(wanted, rel=1e-5)


def test_loss_is_price_less_worth_over_beta():
    critic = loud(beta=16)
    model = Model(Plain(), Plain(), critic)
    x, y = torch.randn(32, 3), torch.randn(32, 2)
    model.eval()
    loss = -Trainer(model, InfoNCE()).worth(x, y)
    scores, price = critic.priced(x, y)
    kl, information = price * 16, InfoNCE().value(scores)
    assert torch.equal(scores, critic(x, y))
    torch.testing.assert_close(loss, (kl - 16 * information) / 16)


def test_decoders_have_weights_of_their_own():
    critic = loud(reconstruction=(0.0, 2.0), beta=4)
    x, y = torch.randn(9, 3), torch.randn(9, 2)
    critic.eval()
    _, z_y = critic.encode(x, y)
    _, price = critic.priced(x, y)
    standard = torch.distributions.Normal(0.0, 1.0)
    kl = sum(
        torch.distributions.kl_divergence(laws(e, rows), standard).sum(1).mean()
        for e, rows in ((critic.g, x), (critic.h, y))
    )
    error = ((critic.decoders[1](z_y) - y) ** 2).sum(1).mean()
    torch.testing.assert_close(price, (kl + 2 * error) / 4)
    assert not list(critic.decoders[0].parameters())


def test_decoders_learn_to_give_rows_back():
    x, y = torch.randn(512, 3), torch.randn(512, 2)
    critic = VariationalCritic(3, 2, reconstruction=(4.0, 4.0), beta=1.0)
    trainer = Trainer(critic, InfoNCE())
    for i in range(400):
        part = slice(64 * (i % 8), 64 * (i % 8) + 64)
        trainer.step(x[part], y[part])
    critic.eval()
    with torch.no_grad():
        codes = critic.encode(x, y)
        for decoder, z, rows in zip(critic.decoders, codes, (x, y), strict=True):
            assert float(((decoder(z) - rows) ** 2).mean()) < 0.1  # 1 without a code


@pytest.mark.parametrize("head", ["separable", "bilinear", "hybrid"])
def test_heads_of_codes(head):
    critic = VariationalCritic(3, 2, head=head).eval()
    assert critic(torch.randn(7, 3), torch.randn(4, 2)).shape == (7, 4)


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        ({"head": "concat"}, UnsupportedError, "a concatenated critic has none"),
        ({"head": "deep"}, UnsupportedError, "head must be one of"),
        ({"compress": "y"}, InvalidParameterError, "compress must be"),
        ({"beta": 0}, InvalidParameterError, "beta must be above 0"),
        ({"beta": math.nan}, InvalidParameterError, "beta must be above 0"),
        ({"reconstruction": (1.0,)}, InvalidParameterError, "two weights"),
        ({"reconstruction": (-1.0, 0.0)}, InvalidParameterError, "two weights"),
        (
            {"reconstruction": (1.0, 0.0), "encoder_x": nn.Identity()},
            UnsupportedError,
            "Decoders are of rows",
        ),
    ],
)
def test_variational_refusals(given, error, text):
    with pytest.raises(error, match=text):
        VariationalCritic(3, 2, **given)


def test_codes_keep_less_as_beta_falls():
    x, y, *_ = gaussian(1000, 3, 1.2)
    kept = {}
    for beta in (4, 32, 1024):
        critic = functools.partial(VariationalCritic, beta=beta)
        mi = NeuralMI(critic=critic, folds=1, max_epochs=45, random_state=0).fit(x, y)
        inner = mi.models_[0].critic
        with torch.no_grad():
            _, price = inner.priced(*tensors(x, y))
        kept[beta] = float(price) * beta, mi.estimate().value
    price, value = zip(*kept.values(), strict=True)
    assert price[0] < 0.5 * price[1] < 0.25 * price[2]
    assert value[0] < value[1] < value[2] + 0.1
    assert value[2] > 0.9  # of 1.2 nats
    assert all(p > 2 * v - 0.2 for p, v in kept.values())  # a nat costs one in each code


def test_no_anchor_stands_beside_codes_with_a_price():
    x, y, *_ = gaussian(200, 2, 1.0)
    given = {"folds": 1, "max_epochs": 1, "random_state": 0}
    assert NeuralMI(critic="variational", **given).fit(x, y).models_[0].anchor is None
    assert NeuralMI(critic="separable", **given).fit(x, y).models_[0].anchor is not None


def test_variational_critic_is_copied_in_the_middle_of_training():
    critic = loud()
    x, y = torch.randn(8, 3), torch.randn(8, 2)
    InfoNCE().loss(critic(x, y)).backward()  # the price hangs on the pass
    copied = copy.deepcopy(critic).eval()
    torch.testing.assert_close(copied(x, y), critic.eval()(x, y))


# --- densities ------------------------------------------------------------------------------------


def test_densities_integrate_to_one():
    critic = GaussianConditional(3, 2).double()
    with torch.no_grad():
        critic.root.copy_(torch.tensor([[1.3, 9.0], [0.7, -0.6]]))
        critic.mean.copy_(torch.tensor([0.3, -0.2]))
        critic.g.last.bias.copy_(torch.tensor([0.5, -0.5, 0.4, -1.0]))
    side = np.linspace(-9, 9, 361)
    grid = torch.as_tensor(np.stack(np.meshgrid(side, side), -1).reshape(-1, 2))
    cell = (side[1] - side[0]) ** 2
    with torch.no_grad():
        given = critic(torch.randn(3, 3).double(), grid).exp().sum(1) * cell
        alone = float(critic.baseline(grid).exp().sum()) * cell
    np.testing.assert_allclose(given, 1, atol=1e-6)
    assert alone == pytest.approx(1, abs=1e-6)


def test_density_of_y_alone_is_scipys():
    critic = GaussianConditional(3, 2).double()
    root = np.array([[1.3, 0.0], [0.7, 0.6]])
    with torch.no_grad():
        critic.root.copy_(torch.as_tensor(root))
        critic.mean.copy_(torch.tensor([0.3, -0.2]))
    y = np.random.default_rng(0).normal(size=(20, 2))
    law = multivariate_normal([0.3, -0.2], np.linalg.inv(root @ root.T))
    np.testing.assert_allclose(
        critic.baseline(torch.as_tensor(y)).detach(), law.logpdf(y), atol=1e-10
    )


def exact_conditional(d, rho, v):
    critic = GaussianConditional(d, d, hidden=()).double()
    with torch.no_grad():
        critic.g.last.weight.zero_()
        critic.g.last.bias.zero_()
        critic.g.last.weight[:d] = rho * torch.eye(d, dtype=torch.float64)
        critic.g.last.bias[d:] = math.log(v)
    return critic


def test_bounds_of_the_true_densities():
    d, information = 3, 1.5
    x, y, rho, v = gaussian(1000, d, information)
    critic = exact_conditional(d, rho, v)
    with torch.no_grad():
        scores = critic(torch.as_tensor(x), torch.as_tensor(y)).numpy()
        alone = critic.baseline(torch.as_tensor(y)).numpy()
    wanted = norm.logpdf(y[None], rho * x[:, None], math.sqrt(v)).sum(-1)
    np.testing.assert_allclose(scores, wanted, atol=1e-9)
    np.testing.assert_allclose(alone, norm.logpdf(y).sum(1), atol=1e-10)
    # E_q (y - rho x)^2 = 1 + rho^2: the contrastive bound is d rho^2 / v
    for bound, truth in (
        (CLUB(), d * rho**2 / v),
        (DifferenceOfEntropies(), information),
        (LeaveOneOut(), information),
    ):
        psi = bound.influence(scores, alone)
        assert abs(psi.mean() - truth) < 4 * psi.std() / math.sqrt(len(psi)), bound.name


def test_an_encoder_of_what_the_density_is_of_is_refused():
    with pytest.raises(UnsupportedError, match="of y itself"):
        GaussianConditional(3, 2, encoder_y=nn.Identity())


# --- baselines ------------------------------------------------------------------------------------


class Shifted(nn.Module):
    """The exact log ratio and a function of y; nothing to train."""

    def __init__(self, rho, v):
        super().__init__()
        self.ratio = exact_separable(1, rho, v).float().requires_grad_(False)

    def forward(self, x, y):
        return self.ratio(x, y) + self.shift(y)

    @staticmethod
    def shift(y):
        return torch.sin(2 * y[:, 0]) + 1


@pytest.mark.parametrize("name", ["tuba", "interpolated"])
def test_baseline_learns_what_the_critic_has_of_y_alone(name):
    x, y, rho, v = gaussian(4000, 1, 0.8)
    x, y = tensors(x, y)
    model = Model(Plain(), Plain(), Shifted(rho, v), baseline=baseline_net(1))
    with torch.no_grad():
        assert float(NWJ().value(model(x[:1000], y[:1000]))) < 0
    trainer = Trainer(model, BOUNDS[name], Plan(learning_rate=1e-2))
    for i in range(800):
        part = slice(64 * (i % 60), 64 * (i % 60) + 64)
        trainer.step(x[part], y[part])
    trainer.release(trainer.snapshot())
    with torch.no_grad():
        scores, baseline = model.score(x[:1000], y[:1000])
    assert float(TUBA().value(scores, baseline)) == pytest.approx(0.8, abs=0.1)
    usual = y[:1000, 0].abs() < 2
    apart = (baseline - Shifted.shift(y[:1000]))[usual]
    if name == "tuba":  # the other has its rows' own mean beside it
        assert float(apart.abs().mean()) < 0.15


# --- scaling --------------------------------------------------------------------------------------


def test_normal_scores_are_those_of_average_ranks():
    r = np.random.default_rng(0)
    rows = np.column_stack([r.normal(size=600), r.integers(0, 9, 600), r.exponential(size=600)])
    found = NormalScores.of(rows)(torch.as_tensor(rows)).numpy()
    wanted = ndtri((rankdata(rows, axis=0) - 0.5) / 600)
    np.testing.assert_allclose(found, wanted, atol=3e-7)
    layer = NormalScores.of(rows)
    assert layer.scores.dtype == layer.knots.dtype == torch.float64


def test_normal_scores_of_many_rows_are_near_those_of_ranks():
    column = np.random.default_rng(0).standard_cauchy(size=(50_000, 1))
    found = NormalScores.of(column)(torch.as_tensor(column)).numpy()
    wanted = ndtri((rankdata(column, axis=0) - 0.5) / 50_000)
    middle = np.abs(wanted) < 2.5
    assert np.abs(found - wanted)[middle].max() < 0.02
    assert np.corrcoef(found[:, 0], wanted[:, 0])[0, 1] > 0.9995


def test_normal_scores_rise_and_end():
    rows = np.random.default_rng(0).normal(size=(300, 1))
    layer = NormalScores.of(rows)
    line = layer(torch.linspace(-50, 50, 10_001, dtype=torch.float64)[:, None])[:, 0]
    assert bool((line.diff() >= 0).all())
    assert float(line[0]) == pytest.approx(ndtri(0.5 / 300), rel=1e-6)
    assert float(line[-1]) == pytest.approx(ndtri(299.5 / 300), rel=1e-6)


@pytest.mark.parametrize("kind", [NormalScores, Standard])
def test_scaling_keeps_the_digits_of_large_numbers(kind):
    seconds = np.random.default_rng(0).permutation(500)[:, None] * 1e-3
    plain, far = kind.of(seconds), kind.of(seconds + 1.7e9)
    a, b = plain(torch.as_tensor(seconds)), far(torch.as_tensor(seconds + 1.7e9))
    torch.testing.assert_close(a, b, atol=2e-5, rtol=0)
    assert len(torch.unique(b)) == 500


@pytest.mark.parametrize("kind", [NormalScores, Standard])
def test_a_constant_column_becomes_zeros(kind):
    rows = np.full((20, 2), 3.3)
    assert float(kind.of(rows)(torch.as_tensor(rows)).abs().max()) < 1e-9


def test_standard_units():
    rows = np.random.default_rng(0).normal(3, 5, size=(40, 2))
    found = Standard.of(rows)(torch.as_tensor(rows)).numpy()
    np.testing.assert_allclose(found, (rows - rows.mean(0)) / rows.std(0), atol=1e-6)


@pytest.mark.parametrize("kind", [NormalScores, Standard])
def test_gradients_flow_through_scaling(kind):
    rows = np.random.default_rng(0).normal(size=(200, 2))
    layer = kind.of(rows)
    ends = np.sort(rows[:, 0])[100:102]  # between two training rows the scores are a line
    v = torch.tensor([[ends.mean(), -0.3]], requires_grad=True)
    layer(v)[0, 0].backward()
    low, high = (float(layer(torch.tensor([[e, -0.3]]))[0, 0]) for e in ends)
    assert float(v.grad[0, 1]) == 0
    assert float(v.grad[0, 0]) == pytest.approx((high - low) / (ends[1] - ends[0]), rel=1e-3)


# --- the anchor -----------------------------------------------------------------------------------


def test_anchor_is_the_log_ratio():
    x, y, rho, v = gaussian(40, 4, 2.0)
    eye, zero = np.eye(4), np.zeros(4)
    anchor = GaussianAnchor(eye, eye, zero, zero, np.full(4, rho))
    found = anchor(*tensors(x, y)).detach().numpy()
    np.testing.assert_allclose(found, log_ratio(x, y, rho, v), atol=2e-5)


def test_anchor_of_rows_is_near_the_log_ratio_whatever_the_basis():
    x, y, rho, v = gaussian(20_000, 3, 1.0)
    r = np.random.default_rng(1)
    a, b = r.normal(size=(3, 3)), r.normal(size=(3, 3))
    mixed = x @ a + 5, y @ b - 2
    held = tensors(mixed[0][-500:], mixed[1][-500:])
    anchor = anchor_of(mixed[0][:-500], mixed[1][:-500], *held)
    found = anchor(*held).detach().numpy()
    assert np.abs(found - log_ratio(x[-500:], y[-500:], rho, v)).mean() < 0.05


@pytest.mark.parametrize("seed", range(5))
def test_anchor_of_noise_says_nearly_nothing(seed):
    r = np.random.default_rng(seed)
    x, y = r.normal(size=(300, 5)), r.normal(size=(300, 5))
    anchor = anchor_of(x[:250], y[:250], *tensors(x[250:], y[250:]))
    if anchor is not None:
        fresh = tensors(*r.normal(size=(2, 1000, 5)))
        assert abs(float(InfoNCE().value(anchor(*fresh).detach()))) < 0.05


def awkward(kind):
    """Rows whose covariance has no inverse."""
    x, y, *_ = gaussian(60, 3, 1.5)
    return {
        "fewer rows than columns": (np.repeat(x, 40, axis=1), np.repeat(y, 40, axis=1)),
        "columns twice": (np.hstack([x, x]), np.hstack([y, y])),
        "columns nearly twice": (np.hstack([x, x + 1e-9 * y]), y),
        "the same": (x, x.copy()),
        "a constant column": (np.hstack([x, np.ones((60, 1))]), y),
    }[kind]


@pytest.mark.parametrize(
    "kind",
    [
        "fewer rows than columns",
        "columns twice",
        "columns nearly twice",
        "the same",
        "a constant column",
    ],
)
def test_anchor_of_awkward_rows_is_finite_and_tells_something(kind):
    x, y = awkward(kind)
    held = tensors(x[40:], y[40:])
    scores = anchor_of(x[:40], y[:40], *held)(*held).detach()
    assert bool(torch.isfinite(scores).all())
    assert float(InfoNCE().value(scores)) > 0.5
    assert float(InfoNCE().value(scores)) <= math.log(20) + 1e-6


def test_anchor_of_constants_is_none():
    ones = np.ones((30, 2))
    assert anchor_of(ones, ones, *tensors(ones, ones)) is None


# --- training -------------------------------------------------------------------------------------


def batches(count, size=32, d=3):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(count, size, d, generator=generator)
    return zip(x, x + torch.randn(count, size, d, generator=generator), strict=True)


def test_steps_are_those_of_plain_torch():
    critic = SeparableCritic(3, 3, hidden=(16,)).double()
    plain = copy.deepcopy(critic)
    plan = Plan(learning_rate=3e-3, weight_decay=0.1, clip_norm=1.0)
    trainer = Trainer(critic, InfoNCE(), plan)
    optimiser = torch.optim.AdamW(plain.parameters(), lr=3e-3, weight_decay=0.1, foreach=False)
    clipped = 0
    for x, y in batches(100):
        loss = trainer.step(x.double(), y.double())
        optimiser.zero_grad()
        wanted = InfoNCE().loss(plain(x.double(), y.double()))
        wanted.backward()
        clipped += float(nn.utils.clip_grad_norm_(plain.parameters(), 1.0)) > 1.0
        optimiser.step()
        torch.testing.assert_close(loss, wanted.detach(), atol=1e-9, rtol=0)
    assert 5 < clipped < 95
    for mine, theirs in zip(critic.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-8, rtol=0)


def test_steps_in_single_precision_give_the_losses_of_plain_torch():
    # weights are another matter: the bias of a(x) moves by what rounding makes of a gradient of 0
    critic = SeparableCritic(3, 3, hidden=(16,))
    plain = copy.deepcopy(critic)
    trainer = Trainer(critic, InfoNCE())
    optimiser = torch.optim.AdamW(plain.parameters(), lr=2e-3, weight_decay=1e-2, foreach=False)
    for x, y in batches(50):
        optimiser.zero_grad()
        wanted = InfoNCE().loss(plain(x, y))
        wanted.backward()
        nn.utils.clip_grad_norm_(plain.parameters(), 5.0)
        optimiser.step()
        torch.testing.assert_close(trainer.step(x, y), wanted.detach(), atol=1e-5, rtol=0)


def test_weights_are_views_until_they_are_released():
    critic = SeparableCritic(3, 3, hidden=(8,))
    trainer = Trainer(critic, InfoNCE())
    for x, y in batches(5):
        trainer.step(x, y)
    together = torch.cat([p.detach().reshape(-1) for p in critic.parameters()])
    assert torch.equal(together, trainer.flat.detach())
    other = SeparableCritic(3, 3, hidden=(8,))
    critic.load_state_dict(other.state_dict())
    together = torch.cat([p.detach().reshape(-1) for p in other.parameters()])
    assert torch.equal(trainer.flat.detach(), together)
    copied = copy.deepcopy(critic)
    trainer.step(x, y)
    for mine, theirs in zip(copied.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, theirs)  # a copy does not follow
    trainer.release(trainer.snapshot())
    kept = [p.detach().clone() for p in critic.parameters()]
    trainer.flat.data.zero_()
    for mine, theirs in zip(critic.parameters(), kept, strict=True):
        assert torch.equal(mine, theirs)
        assert mine.grad is None
        assert mine.untyped_storage().nbytes() == 4 * mine.numel()


def test_snapshot_holds_the_average_of_the_weights():
    critic = SeparableCritic(3, 3, hidden=(8,))
    trainer = Trainer(critic, InfoNCE())
    wanted = trainer.flat.detach().clone()
    for k, (x, y) in enumerate(batches(30), start=1):
        trainer.step(x, y)
        wanted = wanted + (1 - min(0.99, (1 + k) / (10 + k))) * (trainer.flat.detach() - wanted)
    torch.testing.assert_close(trainer.snapshot()[0], wanted)


def test_frozen_weights_stay():
    critic = SeparableCritic(3, 3, hidden=(8,))
    critic.h.requires_grad_(False)
    before = copy.deepcopy(critic.state_dict())
    trainer = Trainer(critic, InfoNCE())
    for x, y in batches(5):
        trainer.step(x, y)
    trainer.release(trainer.snapshot())
    after = critic.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if name.startswith("g.")}
    with pytest.raises(UnsupportedError, match="no weights to train"):
        Trainer(critic.requires_grad_(False), InfoNCE())


class Siamese(nn.Module):
    """One encoder for both variables."""

    def __init__(self):
        super().__init__()
        self.g = mlp(3, (16,), 8)
        self.h = self.g

    def forward(self, x, y):
        return self.g(x) @ self.h(y).T


def test_weights_that_two_encoders_share_are_trained_once():
    critic, plain = Siamese(), Siamese()
    plain.load_state_dict(critic.state_dict())
    trainer = Trainer(critic, InfoNCE())
    assert trainer.flat.numel() == sum(p.numel() for p in critic.g.parameters())
    optimiser = torch.optim.AdamW(plain.parameters(), lr=2e-3, weight_decay=1e-2)
    for x, y in batches(20):
        trainer.step(x, y)
        optimiser.zero_grad()
        InfoNCE().loss(plain(x, y)).backward()
        nn.utils.clip_grad_norm_(plain.parameters(), 5.0)
        optimiser.step()
    trainer.release((trainer.flat.detach().clone(), trainer.snapshot()[1]))
    assert critic.g is critic.h
    torch.testing.assert_close(critic.g[0].weight, plain.g[0].weight, atol=2e-5, rtol=0)


def test_layers_that_behave_otherwise_in_training():
    class Layered(nn.Module):
        def __init__(self):
            super().__init__()
            self.g = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 8), nn.Dropout(0.5))
            self.h = nn.Linear(3, 8)

        def forward(self, x, y):
            return self.g(x) @ self.h(y).T

    x, y, *_ = gaussian(400, 3, 1.5)
    mi = NeuralMI(critic=Layered(), folds=2, max_epochs=30, scaling="none", random_state=0)
    value = mi.fit(x * 10 + 3, y).estimate().value
    norms = [m.critic.g[0] for m in mi.models_]
    assert all(float((n.running_mean - 3).abs().max()) < 3 for n in norms)
    assert all(float(n.running_var.min()) > 20 for n in norms)
    assert not any(m.training for m in mi.models_)
    assert value > 0.3
    assert mi.estimate(x * 10 + 3, y).value == mi.estimate(x * 10 + 3, y).value


# --- the step as one compiled function ------------------------------------------------------------

COMPILER = pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a C++ compiler")
TRACES = pytest.mark.skipif(
    not hasattr(_dynamo.config, "trace_autograd_ops"),
    reason="this torch cannot compile a gradient within a function",
)


class Tied(nn.Module):
    """Two layers with one weight, beside a norm that counts its batches."""

    def __init__(self):
        super().__init__()
        self.norm, self.g, self.h = nn.BatchNorm1d(3), nn.Linear(3, 8), nn.Linear(3, 8)
        self.h.weight = self.g.weight

    def forward(self, x, y):
        return self.g(self.norm(x)) @ self.h(y).T


def with_baseline():
    return Model(nn.Identity(), nn.Identity(), small("separable"), baseline=baseline_net(3))


def small(name):
    return CRITICS[name](3, 3, hidden=(8,))


STEPS = [
    (functools.partial(small, "separable"), "infonce"),
    (functools.partial(small, "separable"), "mine"),
    (functools.partial(small, "variational"), "infonce"),
    (with_baseline, "tuba"),
    (functools.partial(small, "concat"), "smile"),
    (functools.partial(small, "gaussian"), "doe"),
    (Siamese, "nwj"),
    (Tied, "js"),
]


def steps_of(critic, bound, compiled):
    """Losses of 50 steps in double precision, and the trainer; noise has a seed of its own."""
    critic = copy.deepcopy(critic)
    plan = Plan(learning_rate=3e-3, weight_decay=0.1, clip_norm=0.3, compile=compiled)
    trainer, losses = Trainer(critic, BOUNDS[bound], plan), []
    for i, (x, y) in enumerate(batches(50)):
        torch.manual_seed(i)
        losses.append(trainer.step(x.double(), y.double()))
    return trainer, torch.stack(losses)


def check_compiled(make, bound):
    """Two trainings share one graph without a break, and are those of the plain step."""
    _dynamo.reset()
    counters.clear()
    starts = [make().double() for _ in range(2)]
    with warnings.catch_warnings():
        warnings.simplefilter("error", InfometricWarning)
        found = [steps_of(critic, bound, True) for critic in starts]
    assert counters["stats"]["unique_graphs"] == 1
    assert not counters["graph_break"]
    for critic, (mine, losses) in zip(starts, found, strict=True):
        plain, wanted = steps_of(critic, bound, False)
        torch.testing.assert_close(losses, wanted, atol=1e-6, rtol=0)
        torch.testing.assert_close(mine.flat, plain.flat, atol=1e-6, rtol=0)
        torch.testing.assert_close(mine.average, plain.average, atol=1e-6, rtol=0)
        torch.testing.assert_close(mine.snapshot()[1], plain.snapshot()[1])
        if bound == "mine":
            torch.testing.assert_close(mine._memory, plain._memory, atol=1e-6, rtol=0)


@pytest.fixture
def traced(monkeypatch):
    """The step traced and differentiated as for compiling, its operations run one by one."""
    step = torch.compile(training._step_of, fullgraph=True, dynamic=False, backend="aot_eager")
    monkeypatch.setattr(training, "whole_step", lambda: step)


@TRACES
@pytest.mark.parametrize(("make", "bound"), STEPS[1:2])
def test_the_step_is_one_graph(make, bound, traced):
    check_compiled(make, bound)


@TRACES
@pytest.mark.slow
@pytest.mark.parametrize(("make", "bound"), STEPS[:1] + STEPS[2:])
def test_the_step_is_one_graph_for_other_critics(make, bound, traced):
    check_compiled(make, bound)


@TRACES
@COMPILER
@pytest.mark.slow
@pytest.mark.parametrize(("make", "bound"), STEPS[1:4])
def test_the_step_is_compiled_whole(make, bound):
    with inductor.patch(fallback_random=True):  # torch's own noise
        check_compiled(make, bound)


class Branching(nn.Module):
    """A critic with a branch on a value, which cannot be part of a graph."""

    def __init__(self):
        super().__init__()
        self.g = nn.Linear(3, 3)

    def forward(self, x, y):
        scores = self.g(x) @ y.T
        return scores.clamp(max=5) if float(scores.detach().max()) > 5 else scores


def test_a_step_that_does_not_compile_is_taken_uncompiled(traced):
    critic = Branching().double()
    with pytest.warns(InfometricWarning, match="cannot be compiled") as told:
        mine, losses = steps_of(critic, "infonce", True)
    assert len(told) == 1
    plain, wanted = steps_of(critic, "infonce", False)
    assert torch.equal(losses, wanted)
    assert torch.equal(mine.flat, plain.flat)


@TRACES
def test_either_step_can_follow_the_other(traced):
    critic = small("separable").double()
    plain, _ = steps_of(critic, "mine", False)
    trainer = Trainer(critic, BOUNDS["mine"], plain.plan)
    for i, (x, y) in enumerate(batches(50)):
        trainer._compiled = i % 20 < 10
        trainer.step(x.double(), y.double())
    torch.testing.assert_close(trainer.flat, plain.flat, atol=1e-6, rtol=0)


def test_a_plain_step_is_one_pass():
    calls = []
    critic = small("separable")
    critic.register_forward_hook(lambda *a: calls.append(1))
    trainer = Trainer(critic, InfoNCE())
    for x, y in batches(5):
        trainer.step(x, y)
    assert len(calls) == 5


def test_weights_of_two_precisions_are_refused():
    critic = SeparableCritic(3, 3)
    critic.h.double()
    with pytest.raises(UnsupportedError, match="one precision") as error:
        Trainer(critic, InfoNCE())
    assert "float32 on cpu" in str(error.value)


def test_the_best_weights_of_validation_are_kept():
    x, y, *_ = gaussian(120, 5, 1.0)
    x, y = tensors(x, y)
    model = Model(Plain(), Plain(), SeparableCritic(5, 5))
    held = x[80:], y[80:]
    plan = Plan(batch_size=40, max_epochs=200, patience=None)
    course = train(model, InfoNCE(), (x[:80], y[:80]), held, plan, torch.Generator().manual_seed(0))
    values = [e["validation"] for e in course.epochs]
    with torch.no_grad():
        kept = float(InfoNCE().value(model(*held)))
    assert kept == pytest.approx(values[course.best_epoch], abs=1e-5)
    assert kept > values[-1] + 0.2  # it went on to learn the rows by heart
    assert course.epochs[-1]["train"] > 1.5


def test_a_batch_is_no_longer_than_the_rows():
    model = Model(Plain(), Plain(), SeparableCritic(2, 2))
    rows = torch.randn(8, 2), torch.randn(8, 2)
    with pytest.raises(DataError, match="more rows than there are"):
        train(model, InfoNCE(), rows, None, Plan(batch_size=9), torch.Generator())


# --- dimension ------------------------------------------------------------------------------------


def test_participation():
    assert participation(np.array([3.0, 3.0, 3.0])) == pytest.approx(3)
    assert participation(np.array([1.0, 0.0])) == 1
    assert participation(np.zeros(3)) == 0


def test_dimension_of_the_exact_critic():
    x, y, rho, v = gaussian(1000, 7, 4.0)
    critic = exact_separable(7, rho, v)
    found = effective_dimension(critic, x, y)
    assert found.pr1 == pytest.approx(7, abs=0.1)
    assert found.pr2 == pytest.approx(7, abs=0.2)
    assert len(found.singular_values) == 7
    assert float(found) == found.pr2
    codes = effective_dimension(critic, x, y, of="codes")
    z = [(c - c.mean(0)) / c.std(0) for c in (x, y)]
    wanted = np.linalg.svd(z[0].T @ z[1] / 1000, compute_uv=False)
    np.testing.assert_allclose(codes.singular_values, wanted, rtol=1e-6)
    assert codes.pr1 == pytest.approx(wanted.sum() ** 2 / (wanted**2).sum())


def test_dimension_from_scores_does_not_hang_on_the_basis_of_codes():
    x, y = torch.randn(300, 4), torch.randn(300, 4)
    critic = BilinearCritic(4, 4, embedding_dim=4, hidden=())
    before = effective_dimension(critic, x, y)
    a = torch.diag(torch.tensor([1.0, 3.0, 0.3, 5.0])) @ torch.linalg.qr(torch.randn(4, 4))[0]
    with torch.no_grad():
        for values in (critic.g.last.weight, critic.g.last.bias):
            values.copy_(a @ values)
        critic.weight.copy_(torch.linalg.inv(a).T @ critic.weight)
    after = effective_dimension(critic, x, y)
    assert after.pr1 == pytest.approx(before.pr1, rel=1e-3)
    codes = effective_dimension(critic, x, y, of="codes")
    assert codes.pr1 != pytest.approx(after.pr1, rel=1e-2)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_shared_dimensions_are_found(k):
    r = np.random.default_rng(k)
    z = r.standard_normal((4000, k))
    mix = [3 * np.linalg.qr(r.standard_normal((10, 10)))[0][:k] for _ in range(2)]
    x, y = (z @ m + r.standard_normal((4000, 10)) for m in mix)
    mi = NeuralMI(anchor=None, scaling="standard", folds=1, random_state=0, max_epochs=60)
    mi.fit(x[:2000], y[:2000])
    found = effective_dimension(mi, x[2000:], y[2000:])
    assert found.pr1 == pytest.approx(k, abs=0.5)
    assert found.pr2 == pytest.approx(k, abs=0.5)
    codes = effective_dimension(mi, x[2000:], y[2000:], of="codes")
    assert codes.pr1 == pytest.approx(k, abs=1.0)


def test_dimension_of_nothing_and_refusals():
    x, y = torch.randn(20, 3), torch.randn(20, 2)
    silent = SeparableCritic(3, 2)
    silent.silence()
    assert float(effective_dimension(silent, x, y)) == 0
    noisy = loud()
    assert effective_dimension(noisy, x, y) == effective_dimension(noisy, x, y)  # at the mean
    assert noisy.training
    with pytest.raises(InvalidParameterError, match="of must be"):
        effective_dimension(silent, x, y, of="rows")
    with pytest.raises(DataError, match="as many rows"):
        effective_dimension(silent, x, y[:5])
    with pytest.raises(UnsupportedError, match="no codes"):
        effective_dimension(lambda a, b: a @ b.T, x, x, of="codes")
    mi = NeuralMI(folds=2, max_epochs=1, random_state=0).fit(x.numpy(), y.numpy())
    with pytest.raises(UnsupportedError, match="together"):
        effective_dimension(mi, x, y, of="codes")
    assert effective_dimension(mi.models_[0], x, y, of="codes").n == 20


# --- images and sequences -------------------------------------------------------------------------


def small_cnn():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.SiLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.SiLU(), nn.MaxPool2d(2), nn.Flatten(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def digits():
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    return images[order].reshape(-1, 1, 8, 8) / 16, labels[order]


def test_images_and_their_classes(digits):
    images, labels = digits
    names = labels.astype(str)  # strings are classes, numbers are numbers
    mi = NeuralMI(
        encoder_x=small_cnn(), folds=1, max_epochs=40, batch_size=64, learning_rate=5e-3,
        random_state=0,
    )  # fmt: skip
    mi.fit(images[:1200], names[:1200])
    r = mi.estimate(images[1200:], names[1200:])
    share = np.bincount(labels) / len(labels)
    entropy = -(share * np.log(share)).sum()
    assert entropy - 0.4 < r.value < entropy + 2 * r.se
    with torch.no_grad():
        told = mi.critic_(torch.as_tensor(images[1200:]), torch.eye(10)).argmax(1).numpy()
    classes = np.array(mi.readers_[1].levels[0])
    assert (classes[told] == names[1200:]).mean() > 0.92


def test_halves_of_images(digits):
    images, _ = digits
    mi = NeuralMI(
        encoder_x=nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.SiLU(), nn.Flatten()),
        encoder_y=nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.SiLU(), nn.Flatten()),
        critic=functools.partial(VariationalCritic, beta=256),
        folds=1,
        max_epochs=15,
        random_state=0,
    ).fit(images[:1200, :, :, :4], images[:1200, :, :, 4:])
    assert isinstance(mi.models_[0].critic, VariationalCritic)
    assert mi.models_[0].critic.g.body is not None
    r = mi.estimate(images[1200:, :, :, :4], images[1200:, :, :, 4:])
    assert r.value > 1.0
    assert r.pvalue < 1e-6


def test_a_function_that_takes_no_encoder_is_told_to(digits):
    images, labels = digits
    mi = NeuralMI(critic=lambda dx, dy: SeparableCritic(dx, dy), encoder_x=small_cnn(), folds=1)
    with pytest.raises(InvalidParameterError, match=r"called with .* and encoder_x"):
        mi.fit(images[:50], labels[:50].astype(str))


class LastState(nn.Module):
    def __init__(self, d, width=16):
        super().__init__()
        self.cell = nn.GRU(d, width, batch_first=True)

    def forward(self, rows):
        return self.cell(rows)[1][-1]


def test_sequences_and_what_they_sum_to():
    r = np.random.default_rng(0)
    steps = r.normal(size=(1200, 12, 2))
    y = steps[:, :, 0].sum(1) / math.sqrt(12) + 0.5 * r.normal(size=1200)  # .80 nats
    mi = NeuralMI(encoder_x=LastState(2), folds=1, max_epochs=30, random_state=0)
    mi.fit(steps[:900], y[:900])
    value = mi.estimate(steps[900:], y[900:]).value
    truth = 0.5 * math.log(1 + 1 / 0.25)
    assert 0.6 * truth < value < truth + 0.15


# --- as a loss ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(BOUNDS))
def test_every_bound_trains_a_users_model(name):
    bound = BOUNDS[name]
    x, y, *_ = gaussian(2000, 2, 1.5)
    x, y = tensors(x, y)
    head = CRITICS["gaussian" if bound.needs == "densities" else "separable"](2, 2)
    projection = nn.Linear(2, 2)
    start = projection.weight.detach().clone()
    optimiser = torch.optim.Adam([*projection.parameters(), *head.parameters()], lr=5e-3)
    memory, losses = None, []
    for i in range(120):
        part = slice(128 * (i % 15), 128 * (i % 15) + 128)
        scores = head(projection(x[part]), y[part])
        baseline = None
        if bound.needs == "baseline":
            baseline = torch.zeros(128)
        elif bound.needs == "densities":
            baseline = head.baseline(y[part])
        memory = bound.fresh_memory(scores) if memory is None else memory
        loss = bound.loss(scores, baseline, memory)
        optimiser.zero_grad()
        loss.backward()
        assert all(bool(torch.isfinite(p.grad).all()) for p in projection.parameters())
        assert float(projection.weight.grad.abs().sum()) > 0
        optimiser.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-15:]) < np.mean(losses[:3]) - 0.3
    assert float((projection.weight.detach() - start).abs().max()) > 0.01


@pytest.mark.parametrize("scaling", ["normal", "standard"])
def test_a_trained_critic_is_a_loss(scaling):
    r = np.random.default_rng(0)
    x = r.normal(size=(1500, 4))
    along = np.array([0.8, -0.6, 0.0, 0.0])
    signal = (x @ along)[:, None]
    y = np.tanh(signal) + 0.3 * r.normal(size=(1500, 1))
    mi = NeuralMI(folds=2, max_epochs=25, scaling=scaling, random_state=0).fit(signal, y)
    weight = torch.tensor([0.5, 0.5, 0.5, -0.5], requires_grad=True)
    optimiser = torch.optim.Adam([weight], lr=0.05)
    rows, partners = tensors(x, y)
    values = []
    for _ in range(100):
        z = rows[:256] @ (weight / weight.norm())
        value = InfoNCE().value(mi.critic_(z[:, None], partners[:256]))
        optimiser.zero_grad()
        (-value).backward()
        optimiser.step()
        values.append(float(value.detach()))
    found = (weight / weight.norm()).detach().numpy()
    assert values[-1] > values[0] + 0.3
    assert found @ along > 0.97


def test_nt_xent_trains_an_encoder():
    x, y, *_ = gaussian(1000, 3, 3.0)
    x, y = tensors(np.hstack([x, np.random.default_rng(5).normal(size=x.shape)]), y)
    g, h = nn.Linear(6, 3), nn.Linear(3, 3)
    optimiser = torch.optim.Adam([*g.parameters(), *h.parameters()], lr=1e-2)
    losses = []
    for i in range(100):
        part = slice(100 * (i % 10), 100 * (i % 10) + 100)
        loss = nt_xent(g(x[part]), h(y[part]), temperature=0.2)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] - 0.5
    heard = g.weight.detach().abs().sum(0)
    assert float(heard[:3].min()) > 1.5 * float(heard[3:].max())  # the columns that y knows of


@pytest.mark.parametrize("module", ["critics", "model", "training", "fitting", "storage"])
def test_modules_without_torch_say_what_to_install(module):
    code = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name.split('.')[0] == 'torch':\n"
        "            raise ModuleNotFoundError(name)\n"
        f"sys.meta_path.insert(0, Absent())\nimport infometric.neural.{module}"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "infometric.exceptions.MissingExtraError" in done.stderr
    assert "pip install 'infometric[neural]'" in done.stderr


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda x: x.astype("m8[D]"), "X.astype(float)"),
        (lambda x: x.astype("m8[D]").astype("M8[D]"), "X.astype(float)"),
        (
            lambda x: np.ma.masked_greater(x, 2),
            "keep = ~np.ma.getmaskarray(X).any(axis=1), then X[keep], y[keep]",
        ),
    ],
)
def test_arrays_that_hold_no_plain_numbers(rng, spoil, says):
    x = 3 * rng.normal(size=(60, 2))
    with pytest.raises(DataError) as error:
        NeuralMI().fit(spoil(x), x)
    assert says in str(error.value)
    assert "exclude" not in str(error.value)
    assert "characteristic" not in str(error.value)


def test_durations_of_a_frame_are_left_out_by_dropping_the_column(rng):
    pd = pytest.importorskip("pandas")
    x = rng.normal(size=(60, 2))
    frame = pd.DataFrame(x, columns=["a", "b"]).assign(t=pd.to_timedelta(np.arange(60), unit="D"))
    with pytest.raises(DataError) as error:
        NeuralMI().fit(frame, x)
    assert "X.drop(columns=['t']), or convert it to a number" in str(error.value)
