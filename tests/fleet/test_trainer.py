"""The callback on a real Trainer: every saved step is in the store when the training has ended."""

import json

import pytest

import rowscope

pytest.importorskip("pyarrow", reason="extra table")
torch = pytest.importorskip("torch", reason="extra model")
transformers = pytest.importorskip("transformers", reason="extra model")
pytest.importorskip("accelerate", reason="the Trainer needs accelerate")


class Text(torch.utils.data.Dataset):
    """Random ids below 32, of 64 rows: the rest is never read."""

    def __len__(self):
        return 8

    def __getitem__(self, at):
        ids = torch.randint(0, 32, (8,), generator=torch.Generator().manual_seed(at))
        return {"input_ids": ids, "labels": ids}


def trainer(folder, callback):
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(vocab_size=64, **shape))
    arguments = transformers.TrainingArguments(
        str(folder), max_steps=4, save_steps=2, per_device_train_batch_size=2, report_to=[],
        disable_tqdm=True, use_cpu=True, dataloader_pin_memory=False,
    )  # fmt: skip
    return transformers.Trainer(model, arguments, train_dataset=Text(), callbacks=[callback])


def test_every_saved_step_is_in_the_store(tmp_path):
    callback = rowscope.FleetCallback(tmp_path / "store")
    trainer(tmp_path / "run", callback).train()
    assert callback.failures == []
    report = rowscope.fleet_report(tmp_path / "store")
    # Partial: no tokenizer is saved beside these weights.
    assert [(step.step, step.status) for step in report.runs[0].steps] == [(2, "partial"), (4, "partial")]


def test_a_store_that_cannot_be_written_does_not_stop_the_training(tmp_path):
    strange = tmp_path / "not a store"
    strange.mkdir()
    (strange / "x").write_text("x")
    callback = rowscope.FleetCallback(strange)
    with pytest.warns(UserWarning, match="could not audit"):
        trained = trainer(tmp_path / "run", callback).train()
    assert trained.global_step == 4
    assert len(callback.failures) == 2
    assert "no store of a fleet" in callback.failures[0]
    assert json.loads((tmp_path / "run" / "checkpoint-4" / "config.json").read_text())["vocab_size"] == 64
