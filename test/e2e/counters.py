"""Checks what the simulated GPU counted of one step of one token of tiny-deepseek-v3, whose experts are [96, 160] and [160, 48]
of bf16, 4 of 16 chosen.

  counters.py FILE
"""

import json
import sys

TOKEN_LAUNCHES = 4 + 22 + 3 * 28 + 1  # one step: embedding, rope, head (4, and its norm), a dense and three MoE layers
EXPERT_BYTES = {"moe_layer_experts_gate_up_small": 4 * 96 * 160 * 2, "moe_layer_experts_down_small": 4 * 160 * 48 * 2}


def main():
    report = json.load(open(sys.argv[1], encoding="utf-8"))
    assert report["simulated"]
    launches = report["launches"]
    assert len(launches) == TOKEN_LAUNCHES, f"expected {TOKEN_LAUNCHES} launches, found {len(launches)}"
    for launch in launches:
        name, total = launch["kernel"], launch["total"]
        for kind in ("shared_load", "shared_store"):
            counted = total.get(kind)
            if counted and "group" not in name:
                assert counted["wavefronts"] == counted["ideal"], f"{name}: bank conflicts: {kind} {counted}"
        # Experts that no token chose are not read, and those that were are read once: the rest is activations and indices.
        if name in EXPERT_BYTES:
            floor = EXPERT_BYTES[name] // 32
            found = launch["unique_load_sectors"]
            assert floor <= found <= 1.05 * floor, f"{name}: expected {floor} to {1.05 * floor:.0f} sectors, found {found}"
    print(f"{len(launches)} launches without bank conflicts")


main()
