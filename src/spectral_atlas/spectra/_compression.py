"""The deep linear Hessian on the space that holds its range, members as SIMD lanes.

With u = right[k-1], v = left[k], every layer block of H V is dleft u^T + v dright^T. An orthonormal
basis of such blocks: e_i (u/|u|)^T for all rows i, and (v/|v|) c_j^T with c_j an orthonormal basis
of the complement of u, taken as columns 2.. of the Householder reflection I - h h^T that sends
u/|u| to a multiple of e_1. In these coordinates V_k = a (u/|u|)^T + (v/|v|) c^T and

    V_k^T v = (a . v) u/|u| + |v| c,     V_k u = |u| a,
    a' = |u| dleft[k] + v (dright[k-1] . u/|u|),     c' = |v| (dright[k-1] without its u part).

Where u or v vanishes (an exact minimizer, a dead layer) any unit vector serves in its place: its
coordinates have the eigenvalue 0.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from spectral_atlas.spectra._chains import LANES, _jit, clear, pack, two_sigma, unpack


def dimension(shapes: tuple[tuple[int, int], ...]) -> int:
    """D = sum_k (rows_k + columns_k - 1), never more than P."""
    return sum(rows + columns - 1 for rows, columns in shapes)


@_jit
def frames(node, left, right, unit, house, u_norm, v_norm):
    """u/|u| and h on nodes 0..L-1; |u| and |v| per layer, scaled against under- and overflow."""
    for k in range(u_norm.shape[0]):
        for lane in range(LANES):
            u_norm[k, lane] = _norm(right, node[k], node[k + 1], lane)
            v_norm[k, lane] = _norm(left, node[k + 1], node[k + 2], lane)
            size = u_norm[k, lane]
            for i in range(node[k], node[k + 1]):
                unit[i, lane] = right[i, lane] / size if size != 0.0 else 1.0 * (i == node[k])
                house[i, lane] = unit[i, lane]
            first = unit[node[k], lane]
            house[node[k], lane] += 1.0 if first >= 0.0 else -1.0
            # |unit + sign e_1|^2 = 2 (1 + |first|): now I - h h^T is the reflection
            shrink = 1.0 / sqrt(1.0 + abs(first))
            for i in range(node[k], node[k + 1]):
                house[i, lane] *= shrink


@_jit
def _norm(x, first, last, lane):
    top = 0.0
    for i in range(first, last):
        top = max(top, abs(x[i, lane]))
    total = 0.0
    if top == 0.0 or not np.isfinite(top):
        for i in range(first, last):
            total += abs(x[i, lane])  # 0, or NaN and inf kept
        return total
    for i in range(first, last):
        total += (x[i, lane] / top) ** 2
    return top * sqrt(total)


@_jit
def product(shapes, node, W, Sigma, left, unit, house, u_norm, v_norm, V, dleft, dright, out):
    """out = C V for one block, both (D, LANES)."""
    depth = shapes.shape[0]
    clear(dleft, 0, node[depth + 1])
    work = np.empty((2, LANES))
    dot, acc = work[0], work[1]
    start, at = W.shape[0], V.shape[0]
    for k in range(depth, 0, -1):
        rows, columns = shapes[k - 1]
        start -= rows * columns
        at -= rows + columns - 1
        low, high = node[k - 1], node[k]
        clear(work, 0, 2)
        for i in range(rows):
            for lane in range(LANES):
                dot[lane] += V[at + i, lane] * left[high + i, lane]
            for j in range(columns):
                w = start + i * columns + j
                for lane in range(LANES):
                    dleft[low + j, lane] += W[w, lane] * dleft[high + i, lane]
        for j in range(1, columns):
            for lane in range(LANES):
                acc[lane] += V[at + rows + j - 1, lane] * house[low + j, lane]
        for j in range(columns):
            for lane in range(LANES):
                c = -acc[lane] * house[low + j, lane]
                if j > 0:
                    c += V[at + rows + j - 1, lane]
                dleft[low + j, lane] += dot[lane] * unit[low + j, lane] + v_norm[k - 1, lane] * c
    two_sigma(Sigma, dleft, dright)
    start, at = 0, 0
    for k in range(1, depth + 1):
        rows, columns = shapes[k - 1]
        low, high = node[k - 1], node[k]
        clear(work, 0, 2)
        for j in range(columns):
            for lane in range(LANES):
                dot[lane] += unit[low + j, lane] * dright[low + j, lane]
                acc[lane] += house[low + j, lane] * dright[low + j, lane]
        for j in range(1, columns):
            for lane in range(LANES):
                out[at + rows + j - 1, lane] = v_norm[k - 1, lane] * (
                    dright[low + j, lane] - acc[lane] * house[low + j, lane]
                )
        for i in range(rows):
            for lane in range(LANES):
                dright[high + i, lane] = u_norm[k - 1, lane] * V[at + i, lane]
                out[at + i, lane] = (
                    u_norm[k - 1, lane] * dleft[high + i, lane] + left[high + i, lane] * dot[lane]
                )
            for j in range(columns):
                w = start + i * columns + j
                for lane in range(LANES):
                    dright[high + i, lane] += W[w, lane] * dright[low + j, lane]
        start += rows * columns
        at += rows + columns - 1


@_jit
def all_frames(node, left, right, unit, house, u_norm, v_norm):
    """Bases of all blocks."""
    for n in range(left.shape[0]):
        frames(node, left[n], right[n], unit[n], house[n], u_norm[n], v_norm[n])


@_jit
def all_products(shapes, node, W, S, left, unit, house, un, vn, V, out):
    """Products (B, D) of the packed ensemble's compressed Hessians with V (B, D)."""
    size = V.shape[1]
    v, h = np.empty((size, LANES)), np.empty((size, LANES))
    dl, dr = np.empty(left.shape[1:]), np.empty(left.shape[1:])
    for n in range(W.shape[0]):
        part = slice(n * LANES, (n + 1) * LANES)
        pack(V[part], v)
        product(shapes, node, W[n], S[n], left[n], unit[n], house[n], un[n], vn[n], v, dl, dr, h)
        unpack(h, out[part])


@_jit
def all_dense(shapes, node, W, S, left, unit, house, un, vn, out):
    """Compressed Hessians (B, D, D): the kernel on every unit vector."""
    size = out.shape[1]
    v, h = np.zeros((size, LANES)), np.empty((size, LANES))
    dl, dr = np.empty(left.shape[1:]), np.empty(left.shape[1:])
    for n in range(W.shape[0]):
        for i in range(size):
            for lane in range(LANES):
                v[i, lane] = 1.0
            product(
                shapes, node, W[n], S[n], left[n], unit[n], house[n], un[n], vn[n], v, dl, dr, h
            )
            unpack(h, out[n * LANES : (n + 1) * LANES, i])
            clear(v, i, i + 1)


@_jit
def all_restrictions(shapes, node, left, unit, house, vn, V, out):
    """Coordinates Q^T V (B, D) of V (B, P)."""
    c = np.empty(left.shape[1])
    for m in range(V.shape[0]):
        n, lane = m // LANES, m % LANES
        start, at = 0, 0
        for k in range(1, shapes.shape[0] + 1):
            rows, columns = shapes[k - 1]
            low, high = node[k - 1], node[k]
            for j in range(columns):
                c[j] = 0.0
            for i in range(rows):
                size = vn[n, k - 1, lane]
                v = left[n, high + i, lane] / size if size != 0.0 else 1.0 * (i == 0)
                total = 0.0
                for j in range(columns):
                    x = V[m, start + i * columns + j]
                    total += x * unit[n, low + j, lane]
                    c[j] += v * x
                out[m, at + i] = total
            reflect = 0.0
            for j in range(columns):
                reflect += house[n, low + j, lane] * c[j]
            for j in range(1, columns):
                out[m, at + rows + j - 1] = c[j] - reflect * house[n, low + j, lane]
            start += rows * columns
            at += rows + columns - 1
