"""Why an attempt failed: from what it left behind to a class, a reason in plain words, a remedy, a retry or none.

Pure but for ``examiner``, which fetches the log's end and looks at the disks. Not here: tries and progress.
"""
