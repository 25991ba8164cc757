"""Everything that crosses a wire between the laptop, the pod and RunPod: values, their parsing, and RunPod's API.

Not here: anything that acts. No process is started, no file is written, no environment is read.
"""
