#!/usr/bin/python3
"""The digits as images, sequences and graphs: writes arrays for the networks of positions.tp.

    positions.py IMAGES.npy FOLDER [ROWS]

images.npy  (N, 8, 8, 1)  brightness in 0..1
rows.npy    (N, 8, 8)     the rows of the image as a sequence of 8 vectors
nodes.npy   (N, V, 6)     the 2 x 2 blocks with ink: their pixels, row and column, then padding
edges.npy   (N, V, V)     D^(-1/2) (A + 1) D^(-1/2) of neighbouring blocks (arXiv 1609.02907)
sizes.npy   (N,)          how many blocks have ink"""
import os
import sys

import numpy as np


def padded(parts, shape):
    out = np.zeros((len(parts),) + shape)
    for whole, part in zip(out, parts):
        whole[tuple(slice(n) for n in part.shape)] = part
    return out


def graph(image):
    """Nodes and normalised adjacency matrix."""
    block = image.reshape(4, 2, 4, 2).transpose(0, 2, 1, 3).reshape(4, 4, 4)
    i, j = np.nonzero(block.max(axis=2) > 0)
    near = np.maximum(abs(i[:, None] - i), abs(j[:, None] - j)) <= 1
    d = near.sum(axis=1)
    nodes = np.concatenate([block[i, j], i[:, None] / 4, j[:, None] / 4], axis=1)
    return nodes, near / np.sqrt(d[:, None] * d)


def main():
    rows = int(sys.argv[3]) if len(sys.argv) > 3 else None
    image = np.load(sys.argv[1])[:rows].reshape(-1, 8, 8) / 16
    nodes, edges = zip(*map(graph, image))
    v = max(map(len, nodes))
    arrays = {'images': image[..., None], 'rows': image, 'nodes': padded(nodes, (v, 6)),
              'edges': padded(edges, (v, v)), 'sizes': np.array([len(a) for a in nodes])}
    for name, a in arrays.items():
        np.save(os.path.join(sys.argv[2], name + '.npy'), a)


if __name__ == '__main__':
    main()
