"""Checks that `moec families --json` lists each key of the configurations in some folders.

  check_keys.py FAMILIES FOLDER...

Keys that concern all models are not listed with each family.
"""

import glob
import json
import os
import sys

OF_ANY_MODEL = {
    "_name_or_path", "architectures", "attention_dropout", "auto_map", "aux_loss_alpha", "bos_token_id", "dtype",
    "eos_token_id", "ep_size", "initializer_range", "model_type", "output_attentions", "output_hidden_states",
    "output_router_logits", "pad_token_id", "pretraining_tp", "quantization_config", "router_aux_loss_coef", "seq_aux",
    "tokenizer_class", "torch_dtype", "transformers_version", "use_cache",
}


def keys_of(config, prefix=""):
    for key, value in config.items():
        yield prefix + key
        if key in ("rope_scaling", "rope_parameters") and value:
            yield from keys_of(value, prefix + key + ".")


def main(listed, *folders):
    families = {family["model_type"]: family["keys"] for family in json.load(open(listed))}
    count = 0
    for folder in folders:
        for path in glob.glob(os.path.join(folder, "**", "*.json"), recursive=True):
            config = json.load(open(path))
            if "model_type" not in config or config["model_type"] not in families:
                continue
            count += 1
            known = families[config["model_type"]]
            for key in keys_of(config):
                if key not in known and key not in OF_ANY_MODEL:
                    print(f"missing: {path}: {key}")
    print(count, "configurations")


main(*sys.argv[1:])
