"""A worker of a pool fails; the pool raises it again."""

import multiprocessing


def work(number):
    return open(f"part-{number}.txt").read()


if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(work, range(4))
