"""A small Keras model that forecasts a sine, on the torch backend, with BackupAndRestore."""

import argparse
import os
import time

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=50)
parser.add_argument("--pace", type=float, default=0.0)
args = parser.parse_args()

keras.utils.set_random_seed(6)
torch.set_num_threads(1)
wave = np.sin(np.arange(600) / 5).astype("float32")
x = np.stack([wave[i : i + 12] for i in range(500)])
y = wave[12:512]

model = keras.Sequential(
    [keras.Input((12,)), keras.layers.Dense(16, activation="tanh"), keras.layers.Dense(1)]
)
model.compile(optimizer=keras.optimizers.Adam(5e-3), loss="mse")
model.fit(
    x,
    y,
    batch_size=50,
    epochs=args.epochs,
    shuffle=False,
    verbose=2,
    callbacks=[
        keras.callbacks.BackupAndRestore("backup"),
        keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: time.sleep(args.pace)),
    ],
)
np.savez("final.npz", *model.get_weights())
