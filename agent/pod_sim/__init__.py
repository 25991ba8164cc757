"""RunPod on your own machine: the v2 pods API, its GraphQL stop calls, the proxy, and pods that are processes.

Imports ``pod_wire`` only; it starts the agent as a program, as RunPod does.
"""
