eval_interval = 6
batch_size = 8
block_size = 32
learning_rate = 3e-3
