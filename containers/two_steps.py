"""The image's own test: everything imports, and two steps of training change a tiny encoder."""

import importlib
import pkgutil
import tempfile
from importlib import metadata
from pathlib import Path

import torch
from packaging.requirements import Requirement
from transformers import AutoModel, BertConfig

import codestilts


def main() -> None:
    needed = {Requirement(line).name.lower() for line in metadata.requires("codestilts") or [] if "extra" not in line}
    packages = {
        package
        for package, owners in metadata.packages_distributions().items()
        if package.isidentifier()
        and package[0] != "_"
        and needed & {owner.lower().replace("_", "-") for owner in owners}
    }
    modules = {module.name for module in pkgutil.walk_packages(codestilts.__path__, "codestilts.")}
    for name in sorted(packages | modules):
        importlib.import_module(name)
    torch.manual_seed(0)
    config = BertConfig(vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
    encoder = AutoModel.from_config(config)
    head = torch.nn.Linear(16, 2)
    optimiser = torch.optim.AdamW([*encoder.parameters(), *head.parameters()], lr=1e-2)
    tokens, gold = torch.arange(40).reshape(4, 10), torch.tensor([0, 1, 0, 1])
    losses = []
    for _ in range(2):
        loss = torch.nn.functional.cross_entropy(head(encoder(tokens).pooler_output), gold)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        losses.append(loss.item())
    assert losses[1] != losses[0], losses
    with tempfile.TemporaryDirectory() as folder:
        encoder.save_pretrained(folder)
        assert (Path(folder) / "model.safetensors").exists()
    print(f"{len(packages)} packages and {len(modules)} modules import; torch {torch.__version__}")
    print(f"two steps: loss {losses[0]:.4f}, {losses[1]:.4f}")


if __name__ == "__main__":
    main()
