"""Fits a linear classifier epoch by epoch with partial_fit; joblib saves the estimator after each."""

import argparse
import time
from pathlib import Path

import joblib
import numpy as np
from sklearn.linear_model import SGDClassifier

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=100)
parser.add_argument("--pace", type=float, default=0.0)
parser.add_argument("--from", dest="start", type=Path)
args = parser.parse_args()

x, y = np.load("data/x.npy"), np.load("data/y.npy")
model, done = SGDClassifier(loss="log_loss", learning_rate="invscaling", eta0=0.5, shuffle=False), 0
if args.start:
    saved = joblib.load(args.start)
    model, done = saved["model"], saved["epoch"]
    print(f"going on after epoch {done}")

Path("models").mkdir(exist_ok=True)
for epoch in range(done + 1, args.epochs + 1):
    order = np.random.default_rng(epoch).permutation(1400)
    model.partial_fit(x[order], y[order], classes=np.arange(10))
    print(f"epoch {epoch} accuracy {model.score(x[1400:], y[1400:]):.4f}", flush=True)
    joblib.dump({"epoch": epoch, "model": model}, f"models/epoch_{epoch:03d}.joblib")
    time.sleep(args.pace)
np.savez("final.npz", coef=model.coef_, intercept=model.intercept_)
