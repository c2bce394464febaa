"""A GPU whose memory is really too small for a batch."""

from dataclasses import replace

import pytest
import tiny
import torch
from random_encoders import encoder_folder
from tiny import weights

from codestilts.training import loop
from codestilts.training.inputs import prepare_inputs


def test_a_step_that_does_not_fit_is_done_in_parts(folder, tokenizer, gpu, tmp_path):
    encoder = encoder_folder("six layers", folder, tokenizer.pad_token_id, tmp_path)
    chosen = tiny.settings(
        {"classification": tiny.task_settings("classification")},
        dropout=0.0,
        learning_rate=1e-4,
        tokens_per_step=16_000,
        steps=3,
    )
    data = tiny.encoded_task(
        "classification", tiny.examples("classification", 4_000), chosen.tasks["classification"], tokenizer
    )
    inputs = replace(prepare_inputs(chosen, tokenizer, [data]), device=gpu)
    torch.cuda.reset_peak_memory_stats()
    whole = loop.train(inputs, 0, encoder, None)
    assert (whole.record["parts"], whole.record["doubled_at"]) == (1, [])
    peak, total = torch.cuda.max_memory_reserved(), torch.cuda.get_device_properties(gpu).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(0.6 * peak / total)
    found = loop.train(inputs, 0, encoder, None)
    assert found.record["parts"] > 1 and found.record["doubled_at"][0] == 1
    assert found.curve["loss"].tolist() == pytest.approx(whole.curve["loss"].tolist(), rel=1e-3)
    assert torch.allclose(weights(found).cpu(), weights(whole).cpu(), atol=1e-4)
