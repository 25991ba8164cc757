"""What a simulated pod is made of: processes in namespaces of their own."""
