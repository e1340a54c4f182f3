"""A stand-in for llama.cpp's convert_hf_to_gguf.py, with its arguments: the tensors of a folder as a GGUF.

It calls the model by its folder's name, and licence and base as its card does, as llama.cpp's does.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import gguf
from safetensors.numpy import load_file


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
    for name, tensor in load_file(asked.model / "model.safetensors").items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
