"""Compiled chains of a deep linear network, members as SIMD lanes.

Arrays of these kernels are blocks ``[component][lane]``: the innermost loop runs over LANES
members and compiles to one vector instruction, whatever the layer shapes. Layer k leads from
node k-1 to node k; node vectors of all nodes are stacked in one array with offsets ``node``:

    left[L] = p (or 1),  left[k-1] = W_k^T left[k]            so left[0] = predictor w
    right[0] = r = 2 (Sigma w - b),  right[k] = W_k right[k-1]
    gradient_k = left[k] right[k-1]^T

and the product of the Hessian with V is the product rule on both chains:

    dleft[k-1] = W_k^T dleft[k] + V_k^T left[k],   dright[0] = 2 Sigma dleft[0],
    dright[k]  = W_k dright[k-1] + V_k right[k-1],
    (H V)_k    = dleft[k] right[k-1]^T + left[k] dright[k-1]^T.
"""

from __future__ import annotations

import numba
import numpy as np

LANES = 8
_jit = numba.njit(cache=True, nogil=True, fastmath={"contract"})


@_jit
def pack(flat, block):
    """Members (rows of `flat`, at most LANES) to lanes; spare lanes repeat the last member."""
    last = flat.shape[0] - 1
    for lane in range(LANES):
        row = min(lane, last)
        for i in range(flat.shape[1]):
            block[i, lane] = flat[row, i]


@_jit
def unpack(block, flat):
    """Lanes back to members; spare lanes are dropped."""
    for lane in range(flat.shape[0]):
        for i in range(flat.shape[1]):
            flat[lane, i] = block[i, lane]


# Plain loops below, not slice assignments: they compile several times faster.
@_jit
def clear(x, first, last):
    """x[first:last] = 0."""
    for i in range(first, last):
        for lane in range(LANES):
            x[i, lane] = 0.0


@_jit
def two_sigma(Sigma, x, out):
    """First d rows: out = 2 Sigma x in every lane; Sigma is (d, d, LANES)."""
    clear(out, 0, Sigma.shape[0])
    for i in range(Sigma.shape[0]):
        for j in range(Sigma.shape[1]):
            for lane in range(LANES):
                out[i, lane] += 2.0 * Sigma[i, j, lane] * x[j, lane]


@_jit
def chains(shapes, node, W, Sigma, b, p, left, right):
    """Fill `left` and `right` (nodes, LANES) from the weights W (P, LANES)."""
    depth = shapes.shape[0]
    clear(left, 0, node[depth])
    for i in range(p.shape[0]):
        for lane in range(LANES):
            left[node[depth] + i, lane] = p[i, lane]
    start = W.shape[0]
    for k in range(depth, 0, -1):
        rows, columns = shapes[k - 1]
        start -= rows * columns
        for i in range(rows):
            for j in range(columns):
                for lane in range(LANES):
                    left[node[k - 1] + j, lane] += (
                        W[start + i * columns + j, lane] * left[node[k] + i, lane]
                    )
    clear(right, 0, node[depth + 1])
    two_sigma(Sigma, left, right)
    for i in range(b.shape[0]):
        for lane in range(LANES):
            right[i, lane] -= 2.0 * b[i, lane]
    start = 0
    for k in range(1, depth):
        rows, columns = shapes[k - 1]
        for i in range(rows):
            for j in range(columns):
                for lane in range(LANES):
                    right[node[k] + i, lane] += (
                        W[start + i * columns + j, lane] * right[node[k - 1] + j, lane]
                    )
        start += rows * columns


@_jit
def outer(shapes, node, left, right, out):
    """Gradient block: out_k = left[k] right[k-1]^T."""
    at = 0
    for k in range(1, shapes.shape[0] + 1):
        for i in range(node[k], node[k + 1]):
            for j in range(node[k - 1], node[k]):
                for lane in range(LANES):
                    out[at, lane] = left[i, lane] * right[j, lane]
                at += 1


@_jit
def product(shapes, node, W, Sigma, left, right, V, dleft, dright, out):
    """Hessian-vector product of one block: out = H V, all (P, LANES)."""
    depth = shapes.shape[0]
    clear(dleft, 0, node[depth + 1])
    start = W.shape[0]
    for k in range(depth, 0, -1):
        rows, columns = shapes[k - 1]
        start -= rows * columns
        for i in range(rows):
            head = node[k] + i
            for j in range(columns):
                at = start + i * columns + j
                tail = node[k - 1] + j
                for lane in range(LANES):
                    dleft[tail, lane] += (
                        W[at, lane] * dleft[head, lane] + V[at, lane] * left[head, lane]
                    )
    two_sigma(Sigma, dleft, dright)
    at = 0
    for k in range(1, depth + 1):
        rows, columns = shapes[k - 1]
        for i in range(rows):
            head = node[k] + i
            clear(dright, head, head + 1)
            for j in range(columns):
                tail = node[k - 1] + j
                for lane in range(LANES):
                    dright[head, lane] += (
                        W[at, lane] * dright[tail, lane] + V[at, lane] * right[tail, lane]
                    )
                    out[at, lane] = dleft[head, lane] * right[tail, lane]
                    out[at, lane] += left[head, lane] * dright[tail, lane]
                at += 1


@_jit
def all_chains(shapes, node, theta, Sigma, b, p, W, S, left, right):
    """Pack an ensemble (B, P) into blocks and fill its chains; Sigma, b, p are one or B of each."""
    members = theta.shape[0]
    d = Sigma.shape[1]
    bl = np.empty((d, LANES))
    pl = np.empty((p.shape[1], LANES))
    for block in range(W.shape[0]):
        first = block * LANES
        pack(theta[first : first + LANES], W[block])
        for lane in range(LANES):
            m = min(first + lane, members - 1)
            mS = m if Sigma.shape[0] > 1 else 0
            for i in range(d):
                bl[i, lane] = b[m if b.shape[0] > 1 else 0, i]
                for j in range(d):
                    S[block, i, j, lane] = Sigma[mS, i, j]
            for i in range(p.shape[1]):
                pl[i, lane] = p[m if p.shape[0] > 1 else 0, i]
        chains(shapes, node, W[block], S[block], bl, pl, left[block], right[block])


@_jit
def all_gradients(shapes, node, left, right, out):
    """Gradients (B, P) of the packed ensemble."""
    g = np.empty((out.shape[1], LANES))
    for block in range(left.shape[0]):
        outer(shapes, node, left[block], right[block], g)
        unpack(g, out[block * LANES : (block + 1) * LANES])


@_jit
def all_products(shapes, node, W, S, left, right, V, out):
    """Products (B, P) of the packed ensemble's Hessians with V (B, P)."""
    v = np.empty(W.shape[1:])
    h = np.empty(W.shape[1:])
    dleft = np.empty(left.shape[1:])
    dright = np.empty(left.shape[1:])
    for n in range(W.shape[0]):
        part = slice(n * LANES, (n + 1) * LANES)
        pack(V[part], v)
        product(shapes, node, W[n], S[n], left[n], right[n], v, dleft, dright, h)
        unpack(h, out[part])


@_jit
def all_dense(shapes, node, W, S, left, right, out):
    """Hessians (B, P, P): the kernel above on every unit vector, without leaving the block."""
    v = np.zeros(W.shape[1:])
    h = np.empty(W.shape[1:])
    dleft = np.empty(left.shape[1:])
    dright = np.empty(left.shape[1:])
    for n in range(W.shape[0]):
        for column in range(W.shape[1]):
            for lane in range(LANES):
                v[column, lane] = 1.0
            product(shapes, node, W[n], S[n], left[n], right[n], v, dleft, dright, h)
            unpack(h, out[n * LANES : (n + 1) * LANES, column])
            clear(v, column, column + 1)
