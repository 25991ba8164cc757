"""RunPod's own API as this project uses it: v2 pods, and GraphQL as a second way to stop.

The transport is an argument; see RunPod's published API reference for the shapes.
"""
