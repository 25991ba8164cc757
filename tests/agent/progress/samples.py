"""What real libraries printed here while small models were trained, cut to what the forms need. Data only."""

from __future__ import annotations

import re

# tqdm and transformers' Trainer: the training's bar, its dict lines, an evaluation's bar below it, a shard's bar.
TRAINER = (
    b"\r  0%|          | 0/48 [00:00<?, ?it/s]\r  2%|\xe2\x96\x8f         | 1/48 [00:01<00:49,  1.06s/it]"
    b"\r 17%|\xe2\x96\x88\xe2\x96\x8b        | 8/48 [00:06<00:28,  1.42it/s]"
    b"\r                                              "
    b"\r{'loss': '0.6931', 'grad_norm': '0.3984', 'learning_rate': '4.271e-05', 'epoch': '0.5'}\n"
    b"\r 33%|\xe2\x96\x88\xe2\x96\x88\xe2\x96\x88\xe2\x96\x8e      | 16/48 [00:09<00:12,  2.54it/s]"
    b"\n\r  0%|          | 0/8 [00:00<?, ?it/s]\x1b[A"
    b"\n\r 88%|\xe2\x96\x88\xe2\x96\x88\xe2\x96\x88\xe2\x96\x88\xe2\x96\x88 | 7/8 [00:00<00:00, 13.72it/s]\x1b[A"
    b"\r                                             \r\x1b[A{'eval_loss': '0.6934', 'eval_runtime': '0.5258', "
    b"'eval_samples_per_second': '121.7', 'eval_steps_per_second': '15.21', 'epoch': '1'}\n"
    b"\r 33%|\xe2\x96\x88\xe2\x96\x88\xe2\x96\x88\xe2\x96\x8e      | 16/48 [00:09<00:12,  2.54it/s]"
    b"\n\rWriting model shards: 100%|\xe2\x96\x88\xe2\x96\x88| 1/1 [00:00<00:00, 1059.44it/s]\n"
)
LIGHTNING = (
    b"\rEpoch 0: 100%|\xe2\x96\x88\xe2\x96\x88| 16/16 [00:01<00:00,  8.66it/s, train_loss=0.00233, val_loss=0.002]"
    b"\rEpoch 1:  75%|\xe2\x96\x88\xe2\x96\x88\xe2\x96\x8c  | 12/16 [00:00<00:00, 22.28it/s, "
    b"train_loss=1.85e-5, val_loss=0.000771] "
    b"\n\rValidation: |          | 0/? [00:00<?, ?it/s]\x1b[A"
    b"\n\rValidation DataLoader 0: 100%|\xe2\x96\x88\xe2\x96\x88| 16/16 [00:00<00:00, 103.86it/s]\x1b[A\n"
)
KERAS = (
    b"Epoch 1/3\n12/12 - 0s - 21ms/step - loss: 1.2344 - mae: 0.8569 - val_loss: 0.1734 - val_mae: 0.3525\n"
    b"Epoch 2/3\n\r\x1b[1m 1/12\x1b[0m \x1b[32m\xe2\x94\x81\x1b[0m\x1b[37m\xe2\x94\x81\xe2\x94\x81\xe2\x94\x81\x1b[0m "
    b"\x1b[1m0s\x1b[0m 41ms/step - loss: 0.5145 - mae: 0.6546\x08\x08\x08\x08\r\x1b[1m 5/12\x1b[0m "
    b"\x1b[32m\xe2\x94\x81\x1b[0m\x1b[37m\xe2\x94\x81\x1b[0m \x1b[1m0s\x1b[0m "
    b"13ms/step - loss: 0.2339 - mae: 0.40\n"
)
NESTED = (
    b"Epochs:   0%|          | 0/2 [00:00<?, ?it/s]"
    b"\n\rtrain epoch 0: 100%|\xe2\x96\x88\xe2\x96\x88| 40/40 [00:02<00:00, 17.50it/s, loss=0.025]\x1b[A"
    b"\n\rEvaluating: 100%|\xe2\x96\x88\xe2\x96\x88| 10/10 [00:00<00:00, 17.82it/s]\x1b[A"
    b"\n\rtrain epoch 1:  10%|\xe2\x96\x88         | 4/40 [00:00<00:02, 15.95it/s, loss=0.2] \x1b[A"
    b"\n\rmodel.safetensors: 100%|\xe2\x96\x88\xe2\x96\x88| 2.90M/3.00M [00:00<00:00, 4.80MB/s]\n"
)
# One line each: text, what it says as (step, total, epoch, epochs, loss).
LINES = (
    ("step 10/600 loss 0.5", (10, 600, None, None, 0.5)),
    ("step 40 best loss 0.1 loss 0.4", (40, None, None, None, 0.4)),
    ("step 12", (12, None, None, None, None)),
    ("iter 250: loss 1.2041, time 123.45ms, mfu 12.34%", (250, None, None, None, 1.2041)),
    ("step 250: train loss 1.9876, val loss 2.0123", (250, None, None, None, 1.9876)),
    ("step 250: val loss 2.0123", (250, None, None, None, None)),
    ("Epoch 3/10", (None, None, 3.0, 10.0, None)),
    ("epoch 1 step 7 loss 0.6931", (7, None, 1.0, None, 0.6931)),
    ("Epoch [3/10], Step [100/600], Loss: 0.1234", (100, 600, 3.0, 10.0, 0.1234)),
    ("Train Epoch: 1 [640/60000 (1%)]\tLoss: 2.2935", (640, 60000, 1.0, None, 2.2935)),
    (
        (
            " iteration       10/  500000 | consumed samples:          640 | elapsed time per iteration (ms): 5043 | "
            "learning rate: 1.5E-04 | global batch size:    64 | lm loss: 1.012E+01 | loss scale: 1.0 | grad norm: 5 |"
        ),
        (10, 500000, None, None, 10.12),
    ),
    (
        (
            "2026-01-31 12:00:00 | INFO | train_inner | epoch 002:    100 / 1234 loss=10.5, nll_loss=9.8, ups=2, "
            "num_updates=1334, lr=0.0001, gnorm=1.2"
        ),
        (1334, None, 2.0, None, 10.5),
    ),
    (
        '2026-01-31 12:00:00 | INFO | train | {"epoch": 1, "update": 0.081, "loss": "10.5", "num_updates": "100"}',
        (100, None, 1.0, None, 10.5),
    ),
    (
        "[2026-01-31 12:00:00,123] [INFO] [logging.py:96:log_dist] [Rank 0] step=10, skipped=0, lr=[0.001], mom=[0.9]",
        (10, None, None, None, None),
    ),
    ("steps: 30 loss: 0.5123 iter time (s): 0.100 samples/sec: 160.0", (30, None, None, None, 0.5123)),
    ("epoch=0/micro_step=200/global_step=25, RunningAvgSamplesPerSec=88.1", (25, None, 0.0, None, None)),
    ("  Total optimization steps = 600", (None, 600, None, None, None)),
    ("  Num Epochs = 3", (None, None, None, 3.0, None)),
    ('{"step": 5, "max_steps": 50, "loss": 0.25}', (5, 50, None, None, 0.25)),
    ('{"train/loss": 0.25, "trainer/global_step": 12, "epoch": 1}', (12, None, 1.0, None, 0.25)),
    ('{"type": "train", "metrics": {"iter": 7, "loss": 2}}', (7, None, None, None, 2.0)),
    ("{'loss': 1.2, 'grad_norm': 0.4, 'epoch': 0.5}", (None, None, 0.5, None, 1.2)),
    ("{'train_runtime': '25.82', 'train_loss': '0.6936', 'epoch': '3'}", (None, None, 3.0, None, None)),
    ("16it [00:00, 19.76it/s]", (16, None, None, None, None)),
    ("train: 1,234/5,000 step 1,234 of 5,000", (1234, 5000, None, None, None)),
)
NOTHING = (
    "",
    "Downloading model-00001-of-00002.safetensors",
    "Map: 100%|\u2588\u2588| 1000/1000 [00:00<00:00, 9000.00 examples/s]",
    "Loading checkpoint shards: 50%|\u2588 | 1/2 [00:00<00:00, 3.00it/s]",
    "  Gradient Accumulation steps = 4",
    "warmup_steps=100",
    "saving every 500 steps",
    "GPU 0: 81559 MiB",
    "podkeep: succeeded: exit code 0",
    '["step", 5]',
    '{"step": "five"}',
    "12/12 [==============================] - 0s 2ms/step",
)


def ends_of(data: bytes) -> list[bytes]:
    """The sample in pieces, as a log grows: each ends after a line's end."""
    return re.findall(rb"[^\r\n]*[\r\n]?", data)
