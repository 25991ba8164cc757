"""Fetches a file from the Hub, which HF_ENDPOINT names."""

import sys

from huggingface_hub import hf_hub_download

hf_hub_download(sys.argv[1], sys.argv[2])
