"""Fails; and while Python goes down a destructor fails too."""


class Resource:
    def __del__(self):
        None.close()


held = Resource()
raise KeyError("train/loss")
