"""Pretrained backbones: weights from a file through timm, or a clear word where timm is not installed."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from active_learning.domain.errors import InputError
from active_learning.vision import embed, fit_backbone, pretrained

needs_timm = pytest.mark.skipif(
    pretrained.timm is None, reason="timm is not installed: pip install 'winnow[backbones]'"
)


@pytest.fixture
def images():
    random = np.random.default_rng(0)
    streams = [io.BytesIO() for _ in range(6)]
    for stream in streams:
        Image.fromarray(random.integers(0, 255, (40, 50, 3), dtype=np.uint8)).save(stream, "PNG")
    return [stream.getvalue() for stream in streams]


@pytest.fixture
def weights(tmp_path):
    generator = torch.Generator().manual_seed(0)
    model = pretrained.timm.create_model("resnet10t", pretrained=False)
    content = {
        key: torch.rand(value.shape, generator=generator) * 0.1 if value.is_floating_point() else value
        for key, value in model.state_dict().items()
    }
    path = tmp_path / "weights.pth"
    torch.save(content, path)
    return path, content


@needs_timm
def test_weights_from_a_file_give_the_same_features_every_time(images, weights):
    path, _ = weights
    name = f"timm:resnet10t@{path}"
    state = fit_backbone(name, images, seed=0)
    assert fit_backbone(name, images, seed=0) == state
    assert embed(name, state, images).shape == (6, 6)


@needs_timm
def test_other_weights_under_the_same_name_are_refused(images, weights):
    path, content = weights
    name = f"timm:resnet10t@{path}"
    state = fit_backbone(name, images, seed=0)
    torch.save({key: value * 2 for key, value in content.items()}, path)
    pretrained.load_model.cache_clear()
    with pytest.raises(InputError, match="not those"):
        embed(name, state, images)


@needs_timm
@pytest.mark.parametrize("name", ["timm:nonesuch", "timm:resnet10t@/no/such/file.safetensors"])
def test_a_model_or_file_that_does_not_exist_is_refused(images, name):
    with pytest.raises(InputError, match=r"cannot load|no file"):
        fit_backbone(name, images, seed=0)


@pytest.mark.skipif(pretrained.timm is not None, reason="timm is installed")
def test_without_timm_the_hint_says_how_to_get_it(images):
    with pytest.raises(InputError) as caught:
        fit_backbone("timm:resnet18", images, seed=0)
    assert "pip install" in caught.value.hint
