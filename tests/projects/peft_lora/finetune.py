"""Fine-tunes a base model with LoRA, in Hugging Face's Trainer. The base is a tiny Llama, the same at each start."""

import argparse
import time
from pydoc_data import topics

import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainerCallback, TrainingArguments


def base_model():
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=256,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=64,
        bos_token_id=0,
        eos_token_id=0,
    )
    return LlamaForCausalLM(config)


class Progress(TrainerCallback):
    def __init__(self, pace):
        self.pace = pace

    def on_log(self, args, state, control, logs=None, **kwargs):
        if logs and "loss" in logs:
            print(f"step {state.global_step} loss {logs['loss']}", flush=True)

    def on_step_end(self, args, state, control, **kwargs):
        time.sleep(self.pace)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--max_steps", type=int, default=200)
    parser.add_argument("--resume", help="a checkpoint to go on from")
    parser.add_argument("--pace", type=float, default=0.0)
    args = parser.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(1)
    text = torch.frombuffer(bytearray(topics.topics["for"].encode()), dtype=torch.uint8).long()
    rows = [{"input_ids": row, "labels": row} for row in text[: len(text) // 32 * 32].view(-1, 32)]
    model = base_model()
    model = get_peft_model(
        model, LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"], lora_dropout=0.1)
    )
    training = TrainingArguments(
        output_dir="out",
        max_steps=args.max_steps,
        save_steps=4,
        logging_steps=1,
        per_device_train_batch_size=4,
        learning_rate=1e-2,
        seed=1,
        use_cpu=True,
        report_to="none",
        disable_tqdm=True,
    )
    trainer = Trainer(model, training, train_dataset=rows, callbacks=[Progress(args.pace)])
    trainer.train(resume_from_checkpoint=args.resume)
    model.save_pretrained("out/final")


if __name__ == "__main__":
    main()
