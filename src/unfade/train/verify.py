"""Training of the network that verifies marks: it learns from what the damage network proposes.

Crops are clean, worn (grain, fading, blur, but nothing that damages) or aged; the damage network
looks at them, and each of its candidates becomes an example, true by the share of its pixels that
an artefact visibly changed. What no aging draws, and what people wear and hold, is learned from
marks on real old photos that a person has judged.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from ..color import in_color
from ..darkroom import Darkroom
from ..degrade.damage import VISIBLE, spared
from ..errors import ReadError
from ..models.model import to_planes
from ..pairs import age_pair
from ..photo import Photo, Pixels
from ..stages.marks import CANDIDATE, Candidates, candidates
from ..stages.overview import joined
from ..stages.sight import see
from ..stages.verify import VIEW_CHANNELS, VIEW_SIDE, Cell, Planes, look_over, parts, view
from .aging import damage_of, draw_any_aging, is_lone, often_large, with_few
from .crops import Draw, random_crop, relit
from .judged import JudgedPhoto
from .nets import make_net
from .task import Batch, Task
from .weights import card_beside, find_weights, load_onnx

VIEWS = 16
"""Examples from one crop: about as many as it has candidates."""

LEVELS = (CANDIDATE, CANDIDATE, 0.3, 0.2)
"""Probabilities that a candidate reaches down to, by chance: marks are proposed from the first on,
but of what a person judged detail five times as much is suspected from the last on."""

TRUE_JUDGED = 0.2
"""Share of true marks among judged ones: more than photos have, less than would teach suspicion."""

CLEAN, WORN = 0.35, 0.15
"""Shares of crops that are clean, and worn without damage; the others are aged."""

OFTEN_LARGE = 0.5
"""Share of aged crops that were damaged by something `aging.LARGE`."""

COLORS = [0, 1, 2, 5, 6, 7]
"""Channels of a view that show the photo, close up and from afar."""

MARK, ODDS = 4, [3, 8]
"""The channel of the mark, and those that show what the first network thinks."""

ZOOM, GRAIN, SURER, HIGHER = 0.3, 0.03, 0.25, 0.06
"""How far views of judged marks are varied: logarithm of their size, standard deviation of grain,
logarithm of how sure the first network is, and what is added to its opinion."""

LEAST_PX = 5
WRONG, RIGHT = 0.1, 0.5
"""Share of visibly damaged pixels up to which a candidate is false, and from which it is true."""

Plane = NDArray[np.float32]


class Opened:
    """A segmentation network in PyTorch, opened where it is first used: in the worker of a loader.

    Args:
        name: Of the network, or its ONNX file; its card lies beside it.
    """

    def __init__(self, name: str) -> None:
        self.path = find_weights(name)
        self.card = card_beside(self.path)
        self._net: nn.Module | None = None

    def __call__(self, picture: Pixels) -> Planes:
        """What it answers for (H, W, 3), nothing squashed: (H, W, K)."""
        net = self._net = self._net or self._open()
        planes = torch.from_numpy(to_planes(picture, self.card.multiple_of))
        fast = torch.cpu._is_avx512_bf16_supported()
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=fast):
            logits = net(planes.to(memory_format=torch.channels_last))[0].float()
        height, width = picture.shape[:2]
        return np.asarray(logits[:, :height, :width].permute(1, 2, 0).numpy(), np.float32)

    def _open(self) -> nn.Module:
        card = self.card
        net = make_net(card.task, "", card.preset, card.inputs[0], card.channels_out)
        load_onnx(net, self.path, torch.rand(1, card.inputs[0], 64, 64))
        return net.eval().to(memory_format=torch.channels_last)


class Detector:
    """A damage network and the one that sees the whole photo for it, in PyTorch.

    Args:
        name: Of the damage network, or its ONNX file; its card lies beside it.
    """

    def __init__(self, name: str = "damage") -> None:
        self.near = Opened(name)
        overview = self.near.card.overview
        self.afar = Opened(overview) if overview else None

    def __call__(self, picture: Pixels) -> Plane:
        """How likely each pixel of (H, W, 3) is damaged: (H, W) in [0, 1]."""
        probability = np.asarray(1 / (1 + np.exp(-self.near(picture)[:, :, 0])), np.float32)
        if self.afar is not None:
            probability, _ = joined(see(Photo(picture), self.afar), picture, probability)
        return probability


class Looked:
    """A picture (H, W, 3) in [0, 1] that the damage network has looked at: its candidates."""

    def __init__(self, pixels: Pixels, probability: Plane, level: float = CANDIDATE) -> None:
        room = Darkroom()
        self.seen: Candidates = candidates(probability, room, level)
        self.numbers = np.flatnonzero(self.seen.of_size(LEAST_PX))
        self._scene = look_over(pixels, probability, room)

    def part(self, number: int, rng: np.random.Generator) -> Cell:
        """One of the parts of a candidate that are looked at."""
        cells = parts(self.seen, number)
        return cells[int(rng.integers(len(cells)))]

    def view(self, number: int, cell: Cell) -> Planes:
        """What the network is shown of a part of a candidate."""
        return view(self._scene, self.seen, number, cell)

    def views(self, numbers: NDArray[np.int64]) -> list[list[Planes]]:
        """What it is shown of some candidates: of each all parts that are looked at."""
        return [[self.view(n, cell) for cell in parts(self.seen, n)] for n in map(int, numbers)]


class VerifyData(Dataset[tuple[Tensor, ...]]):
    """Candidates on crops of clean photos, aged or not; the n-th is always the same for a seed.

    Args:
        photos: Decoded clean photos, (H, W, 3) uint8.
        detector: Proposes the candidates.
        library, part: As of `degrade.draw_aging`.
        seed: Fixes every example.
    """

    def __init__(
        self,
        photos: Sequence[NDArray[np.uint8]],
        detector: Detector,
        library: str = "",
        part: str = "train",
        seed: int = 0,
    ) -> None:
        self.photos, self.detector, self.seed = photos, detector, seed
        self.library, self.part = library, part

    def __getitem__(self, draw: Draw) -> tuple[Tensor, ...]:
        """Views (`VIEWS`, 9, 64, 64) of candidates on one crop, and which are true (`VIEWS`,)."""
        rng = np.random.default_rng((self.seed, draw.number))
        for _ in range(8):  # Some crops have no candidates.
            photo = draw.one_of(self.photos, rng)
            views, truth = self._examples(random_crop(photo, draw.side, rng), rng)
            if views:
                break
        else:
            views = [np.zeros((VIEW_CHANNELS, VIEW_SIDE, VIEW_SIDE), np.float32)]
            truth = np.zeros(1, np.float32)
        places = np.arange(VIEWS) % len(views)
        return torch.from_numpy(np.stack(views)[places]), torch.from_numpy(truth[places])

    def _examples(self, crop: Pixels, rng: np.random.Generator) -> tuple[list[Planes], Plane]:
        pixels, artifacts = self._aged(crop, rng)
        looked = Looked(pixels, self.detector(pixels), float(rng.choice(LEVELS)))
        views, truth = [], []
        for number in map(int, _some(looked, rng)):
            cell = looked.part(number, rng)
            mark = looked.seen.labels[cell] == number
            share = float((artifacts[cell] >= VISIBLE)[mark].mean())
            views.append(looked.view(number, cell))
            truth.append(min(max((share - WRONG) / (RIGHT - WRONG), 0.0), 1.0))
        return views, np.array(truth, np.float32)

    def _aged(self, crop: Pixels, rng: np.random.Generator) -> tuple[Pixels, Plane]:
        """A crop (H, W, 3) as it is, worn or aged, and how much artefacts changed each pixel."""
        chance = rng.random()
        if chance < CLEAN:
            return crop, np.zeros(crop.shape[:2], np.float32)
        size = (crop.shape[0], crop.shape[1])
        aging = often_large(
            OFTEN_LARGE, lambda: draw_any_aging(rng, size, self.library, self.part), rng
        )
        aging = spared(aging) if chance < CLEAN + WORN else aging
        if is_lone(aging, rng):
            few = with_few(crop, aging, rng)
            damage, _ = damage_of(few)
            return in_color(few.pixels), damage * VISIBLE
        pair = age_pair(Photo(crop), aging, Darkroom())
        return in_color(pair.aged.pixels), pair.artifacts


def _some(looked: Looked, rng: np.random.Generator) -> NDArray[np.int64]:
    """At most `VIEWS` of the candidates, rather large ones: of these there are few."""
    numbers, sizes = looked.numbers, np.sqrt(looked.seen.areas[looked.numbers])
    count = min(VIEWS, len(numbers))
    chances = sizes / sizes.sum() if count else None
    return np.asarray(rng.choice(numbers, count, replace=False, p=chances), np.int64)


class JudgedData(Dataset[tuple[Tensor, ...]]):
    """Candidates on real old photos that a person judged, `TRUE_JUDGED` of them damage.

    Each photo is looked at once, and its views are kept; they come varied. The n-th example is
    always the same for a seed.

    Args:
        photos: Photos and verdicts; some with damage and some without.
        detector: Proposes the candidates.
        seed: Fixes every example.
    """

    def __init__(self, photos: Sequence[JudgedPhoto], detector: Detector, seed: int = 0) -> None:
        self.photos, self.detector, self.seed = photos, detector, seed
        self.damaged = [place for place, photo in enumerate(photos) if photo.damaged]
        self._kept: dict[int, tuple[list[NDArray[np.float16]], Plane]] = {}

    def __getitem__(self, draw: Draw) -> tuple[Tensor, ...]:
        """Views (`VIEWS`, 9, 64, 64) of candidates on many photos, and which are true."""
        rng = np.random.default_rng((self.seed, draw.number))
        views: list[Planes] = []
        truth: list[float] = []
        for _ in range(100 * VIEWS):
            if len(views) == VIEWS:
                break
            wanted = float(rng.random() < TRUE_JUDGED and bool(self.damaged))
            among = self.damaged if wanted else range(len(self.photos))
            seen, told = self._views(int(rng.choice(among)))
            right = np.flatnonzero(told == wanted)
            if len(right):
                views.append(_varied(seen[int(rng.choice(right))], rng))
                truth.append(wanted)
        else:
            raise ReadError("the damage network proposes hardly any of the judged marks")
        return torch.from_numpy(np.stack(views)), torch.tensor(truth, dtype=torch.float32)

    def _views(self, place: int) -> tuple[list[NDArray[np.float16]], Plane]:
        """All candidates of a photo that a person judged, at each level, and how true they are."""
        if place not in self._kept:
            photo = self.photos[place]
            pixels = photo.photo.pixels
            probability = self.detector(pixels)
            views: list[NDArray[np.float16]] = []
            truth: list[Plane] = []
            for level in sorted(set(LEVELS)):
                looked = Looked(pixels, probability, level)
                told = photo.truth_of(looked.seen, looked.seen.of_size(LEAST_PX))
                known = np.isfinite(told)
                shown = looked.views(looked.numbers[known])
                views += [each.astype(np.float16) for each in itertools.chain(*shown)]
                truth.append(np.repeat(told[known], [len(each) for each in shown]))
            self._kept[place] = views, np.concatenate(truth)
        return self._kept[place]


def _varied(view: NDArray[np.float16], rng: np.random.Generator) -> Planes:
    """A view turned, mirrored, larger or smaller, softer or grainier, lighter or darker.

    Each mark that a person judged is seen many times: what the first network thinks of it comes
    surer or less sure, too, or that alone would tell it from all others.
    """
    planes = np.rot90(view, int(rng.integers(4)), axes=(1, 2)).astype(np.float32)
    planes = planes[:, :, ::-1] if rng.random() < 0.5 else planes
    planes = _zoomed(np.ascontiguousarray(planes), float(np.exp(rng.uniform(-ZOOM, ZOOM))))
    if rng.random() < 0.5:
        planes[COLORS] = cv2.blur(planes[COLORS].transpose(1, 2, 0), (3, 3)).transpose(2, 0, 1)
    planes[COLORS] = relit(planes[COLORS], rng)
    grain = rng.normal(0, rng.uniform(0, GRAIN), planes[COLORS].shape)
    planes[COLORS] = np.clip(planes[COLORS] + grain, 0, 1)
    surer, higher = np.exp(rng.uniform(-SURER, SURER)), rng.uniform(-HIGHER, HIGHER)
    planes[ODDS] = np.clip((planes[ODDS] - 0.5) * surer + 0.5 + higher, 0, 1)
    return np.ascontiguousarray(planes, np.float32)


def _zoomed(planes: Planes, factor: float) -> Planes:
    """Planes (C, S, S) magnified about their middle; beyond their edges they are mirrored."""
    middle = (VIEW_SIDE - 1) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), 0, factor)
    size, edge = (VIEW_SIDE, VIEW_SIDE), cv2.BORDER_REFLECT
    zoomed = [cv2.warpAffine(plane, matrix, size, borderMode=edge) for plane in planes]
    zoomed[MARK] = (zoomed[MARK] > 0.5).astype(np.float32)
    return np.stack(zoomed)


class VerifyTask(Task):
    """Tell damage from detail: cross-entropy.

    Batches: views (N, K, 9, 64, 64) in [0, 1], and how true each is (N, K), 0 to 1.
    """

    def loss(self, batch: Batch) -> Tensor:
        odds, truth = self._answer(batch)
        return F.binary_cross_entropy_with_logits(odds, truth)

    def on_validation_epoch_start(self) -> None:
        self.seen: list[tuple[Tensor, Tensor]] = []

    def measure(self, batch: Batch) -> dict[str, Tensor]:
        odds, truth = self._answer(batch)
        self.seen.append((odds, truth))
        return {"entropy": F.binary_cross_entropy_with_logits(odds, truth)}

    def on_validation_epoch_end(self) -> None:
        """The share of true marks found where one false mark in a hundred passes is the score."""
        odds, truth = (torch.cat(parts) for parts in zip(*self.seen, strict=True))
        false, true = odds[truth < 0.5], odds[truth >= 0.5]
        if len(false) and len(true):
            for share, name in ((0.01, "score"), (0.001, "found_at_0.001")):
                level = torch.quantile(false, 1 - share)
                self.log(name, (true > level).float().mean(), sync_dist=True)
        else:
            self.log("score", 0.0, sync_dist=True)

    def pictures(self, batch: Batch) -> list[Tensor]:
        views, truth = batch[0].flatten(0, 1)[:VIEWS], batch[1].flatten()[:VIEWS]
        said = torch.sigmoid(self(views).float())[:, :, None, None].expand(-1, 1, VIEW_SIDE, 16)
        true = truth[:, None, None, None].expand(-1, 1, VIEW_SIDE, 16)
        return [views[:, :3], views[:, 4:5], views[:, 5:8], said, true]

    def _answer(self, batch: Batch) -> tuple[Tensor, Tensor]:
        views, truth = (part.flatten(0, 1) for part in batch)
        return self(views).float()[:, 0], truth
