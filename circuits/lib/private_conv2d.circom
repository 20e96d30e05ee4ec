// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "toom.circom";

// Length of phase `a` of a line of `size` elements that is read with stride s: the elements a, a + s, a + 2s, ...
function phase_length(size, s, a) {
    return size <= a ? 0 : (size - a + s - 1) \ s;
}

// Number of products for one input and one output channel: tiles of at most m x m outputs, with s_y s_x phases each.
function private_conv2d_products(oh, ow, kh, kw, sy, sx, m) {
    var total = 0;
    for (var ty = 0; ty < oh; ty += m) {
        var my = oh - ty < m ? oh - ty : m;
        for (var tx = 0; tx < ow; tx += m) {
            var mx = ow - tx < m ? ow - tx : m;
            for (var a = 0; a < sy; a++) {
                for (var b = 0; b < sx; b++) {
                    var ry = phase_length(kh, sy, a);
                    var rx = phase_length(kw, sx, b);
                    if (ry > 0 && rx > 0) {
                        total += (my + ry - 1) * (mx + rx - 1);
                    }
                }
            }
        }
    }
    return total;
}

// PrivateConv2d: out[y, x, o] = bias[o] + sum of in[y sy + i - top, x sx + j - left, c] weight[i, j, c, o], zero outside the
// input, groups as in the graph; channels last, weights [kh, kw, cin / groups, cout] as offsets from wMin (biases: bMin).
// Computes the convolution as polynomial products in tiles of m x m outputs (toom.circom); stride s is the sum of s convolutions of
// every s-th element. For stride 1: ((m + k - 1) / m)^2 products per output and channel pair instead of k^2, as many linear
// constraints per input channel, and one per output.
//
// Does NOT enforce: any range or commitment of the parameters, or that sums stay far below the field's size.
template PrivateConv2d(h, w, cin, oh, ow, cout, kh, kw, sy, sx, top, left, groups, wMin, bMin, m) {
    var cg = cin \ groups;
    var og = cout \ groups;
    signal input x[h * w * cin];
    signal input weight[kh * kw * cg * cout];
    signal input bias[cout];
    signal output out[oh * ow * cout];

    assert(m >= 1 && m + kh <= 65 && m + kw <= 65);
    var each = private_conv2d_products(oh, ow, kh, kw, sy, sx, m);
    signal point[each * cin];
    signal product[each * cg * cout];

    var sum[oh * ow * cout];
    for (var y = 0; y < oh; y++) {
        for (var xx = 0; xx < ow; xx++) {
            for (var o = 0; o < cout; o++) {
                sum[(y * ow + xx) * cout + o] = bias[o] + bMin;
            }
        }
    }
    // Tables for the current sizes, rebuilt only when a tile at the edge or another phase has different sizes.
    var inverseY[64][64];
    var inverseX[64][64];
    var kernelY[64][64];
    var kernelX[64][64];
    var outY[64][64];
    var outX[64][64];
    var sizeY = 0;
    var sizeX = 0;
    var pointAt = 0;
    var productAt = 0;
    for (var ty = 0; ty < oh; ty += m) {
        var my = oh - ty < m ? oh - ty : m;
        for (var tx = 0; tx < ow; tx += m) {
            var mx = ow - tx < m ? ow - tx : m;
            for (var a = 0; a < sy; a++) {
                for (var b = 0; b < sx; b++) {
                    var ry = phase_length(kh, sy, a);
                    var rx = phase_length(kw, sx, b);
                    if (ry > 0 && rx > 0) {
                        var ny = my + ry - 1;
                        var nx = mx + rx - 1;
                        if (sizeY != ny * 64 + ry) {
                            sizeY = ny * 64 + ry;
                            for (var p = 0; p < ny; p++) {
                                inverseY[p] = toom_interpolate(ny, p);
                                kernelY[p] = toom_evaluate(ny, ry, p);
                                outY[p] = toom_evaluate(ny, my, p);
                            }
                        }
                        if (sizeX != nx * 64 + rx) {
                            sizeX = nx * 64 + rx;
                            for (var q = 0; q < nx; q++) {
                                inverseX[q] = toom_interpolate(nx, q);
                                kernelX[q] = toom_evaluate(nx, rx, q);
                                outX[q] = toom_evaluate(nx, mx, q);
                            }
                        }
                        // E^-T d E^-1 for every input channel: rows first, then columns.
                        var firstPoint = pointAt;
                        for (var c = 0; c < cin; c++) {
                            var half[64][64];
                            for (var j = 0; j < nx; j++) {
                                for (var p = 0; p < ny; p++) {
                                    half[p][j] = 0;
                                    for (var i = 0; i < ny; i++) {
                                        var row = (ty + i) * sy + a - top;
                                        var column = (tx + j) * sx + b - left;
                                        if (row >= 0 && row < h && column >= 0 && column < w) {
                                            half[p][j] += inverseY[p][i] * x[(row * w + column) * cin + c];
                                        }
                                    }
                                }
                            }
                            for (var p = 0; p < ny; p++) {
                                for (var q = 0; q < nx; q++) {
                                    var value = 0;
                                    for (var j = 0; j < nx; j++) {
                                        value += inverseX[q][j] * half[p][j];
                                    }
                                    point[pointAt] <== value;
                                    pointAt++;
                                }
                            }
                        }
                        for (var o = 0; o < cout; o++) {
                            var g = o \ og;
                            var total[64][64];
                            for (var p = 0; p < ny; p++) {
                                for (var q = 0; q < nx; q++) {
                                    total[p][q] = 0;
                                    for (var c = 0; c < cg; c++) {
                                        var kernel = 0;
                                        for (var i = 0; i < ry; i++) {
                                            var line = 0;
                                            for (var j = 0; j < rx; j++) {
                                                var at = (((i * sy + a) * kw + j * sx + b) * cg + c) * cout + o;
                                                line += kernelX[q][j] * (weight[at] + wMin);
                                            }
                                            kernel += kernelY[p][i] * line;
                                        }
                                        product[productAt] <== point[firstPoint + ((g * cg + c) * ny + p) * nx + q] * kernel;
                                        total[p][q] += product[productAt];
                                        productAt++;
                                    }
                                }
                            }
                            // E_m^T total E_m
                            for (var y = 0; y < my; y++) {
                                var line[64];
                                for (var q = 0; q < nx; q++) {
                                    line[q] = 0;
                                    for (var p = 0; p < ny; p++) {
                                        line[q] += outY[p][y] * total[p][q];
                                    }
                                }
                                for (var xx = 0; xx < mx; xx++) {
                                    for (var q = 0; q < nx; q++) {
                                        sum[((ty + y) * ow + tx + xx) * cout + o] += outX[q][xx] * line[q];
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    for (var i = 0; i < oh * ow * cout; i++) {
        out[i] <== sum[i];
    }
}
