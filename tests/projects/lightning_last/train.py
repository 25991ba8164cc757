"""A Lightning module that fits a plane; last.ckpt after every epoch."""

import argparse
import time
import warnings

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from torch.utils.data import DataLoader, TensorDataset

warnings.filterwarnings("ignore")


class Plane(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.GELU(), torch.nn.Linear(16, 1))

    def training_step(self, batch, batch_idx):
        x, y = batch
        loss = torch.nn.functional.mse_loss(self.net(x).squeeze(1), y)
        self.log("loss", loss)
        return loss

    def on_train_epoch_end(self):
        print(f"epoch {self.current_epoch + 1} loss {self.trainer.callback_metrics['loss']:.4f}", flush=True)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=3e-3)


class Pace(Callback):
    def __init__(self, seconds):
        self.seconds = seconds

    def on_train_batch_end(self, *args):
        time.sleep(self.seconds)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--pace", type=float, default=0.0)
    args = parser.parse_args()

    L.seed_everything(9)
    torch.set_num_threads(1)
    x = torch.randn(128, 8)
    data = DataLoader(TensorDataset(x, x @ torch.arange(8.0) / 8), batch_size=32)
    trainer = L.Trainer(
        max_epochs=args.epochs,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[ModelCheckpoint("checkpoints", save_last=True), Pace(args.pace)],
    )
    model = Plane()
    trainer.fit(model, data, ckpt_path="last")
    torch.save(model.state_dict(), "final.pt")


if __name__ == "__main__":
    main()
