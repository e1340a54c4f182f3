"""A stand-in for llama.cpp's convert_hf_to_gguf.py, with its arguments: the tensors of a folder as a GGUF.

It calls the model by its folder's name, and licence and base as its card does, as llama.cpp's does.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import gguf
from numpy import float32
from numpy.typing import NDArray
from safetensors.numpy import load_file


def tensors(path: Path) -> dict[str, NDArray[float32]]:
    """Return a file's tensors; those of bfloat16, which numpy does not know, as float32."""
    try:
        return load_file(path)
    except TypeError:
        from safetensors.torch import load_file as load_torch_file

        return {name: tensor.float().numpy() for name, tensor in load_torch_file(path).items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("--outfile", type=Path, required=True)
    parser.add_argument("--outtype", choices=["f32", "f16", "bf16", "auto"])
    asked = parser.parse_args()
    card = (asked.model / "README.md").read_text().split("---\n")[1]
    writer = gguf.GGUFWriter(asked.outfile, "llama")
    writer.add_name(asked.model.name)
    writer.add_description(f"{asked.outtype} of {card}")
    for name, tensor in tensors(asked.model / "model.safetensors").items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
