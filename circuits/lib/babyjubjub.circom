// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

// Baby Jubjub (EIP-2494): a x^2 + y^2 = 1 + d x^2 y^2 over BN254's scalar field. (0, 1) is the neutral element, and the curve has 8
// l points, l prime. a is a square and d is a non-square, so the addition law holds for ALL pairs of points of the curve, without
// exceptions (Bernstein, Birkner, Joye, Lange and Peters, "Twisted Edwards curves", 2008, section 6). Montgomery form would save
// half of each addition, but has exceptions that a prover could aim at.
function baby_a() {
    return 168700;
}

function baby_d() {
    return 168696;
}

// l, the order of the subgroup that signatures use; 251 bits.
function baby_order() {
    return 2736030358979909402780800718157159386076813972158567259200215660948447373041;
}

// B8, the base point of that subgroup.
function baby_base() {
    return [
        5299619240641551281634865583518297030282874472190772894086521144482721001553,
        16950150798460657717958625567821834550301663161624707787222815936182638968203
    ];
}

// The addition law, on numbers at compile time.
function baby_sum(p, q) {
    var product = baby_d() * p[0] * q[0] * p[1] * q[1];
    return [
        (p[0] * q[1] + p[1] * q[0]) / (1 + product),
        (p[1] * q[1] - baby_a() * p[0] * q[0]) / (1 - product)
    ];
}

// BabyCheck(): (x, y) is on the curve. Three constraints.
//
// Does NOT enforce: that the point is in the subgroup of order l; points outside it pass as well.
template BabyCheck() {
    signal input x;
    signal input y;

    signal xx <== x * x;
    signal yy <== y * y;
    (baby_d() * xx) * yy === baby_a() * xx + yy - 1;
}

// BabyAdd(): the sum of two points of the curve, including equal and neutral ones. Six constraints.
//
// The result has exactly one value for all inputs that have a witness. For points of the curve, a denominator 1 + d product or
// 1 - d product is never 0. Off the curve one can be 0, but its numerator is not (d and a d are non-squares), so then no witness
// exists.
//
// Does NOT enforce: that the points are on the curve; the caller must have proven it.
template BabyAdd() {
    signal input x1;
    signal input y1;
    signal input x2;
    signal input y2;
    signal output x;
    signal output y;

    signal first <== x1 * y2;
    signal second <== y1 * x2;
    signal mixed <== (y1 - baby_a() * x1) * (x2 + y2);
    signal product <== first * second;
    x <-- (first + second) / (1 + baby_d() * product);
    x * (1 + baby_d() * product) === first + second;
    y <-- (mixed + baby_a() * first - second) / (1 - baby_d() * product);
    y * (1 - baby_d() * product) === mixed + baby_a() * first - second;
}

// BabyDouble(): twice a point. Five constraints. No s makes a denominator 1 + d s^2 or 1 - d s^2 zero, since neither 1 / d nor -1 /
// d is a square. So the result has exactly one value, even off the curve.
//
// Does NOT enforce: that the point is on the curve. Twice a point of the curve is on the curve.
template BabyDouble() {
    signal input x1;
    signal input y1;
    signal output x;
    signal output y;

    signal product <== x1 * y1;
    signal square <== product * product;
    signal mixed <== (y1 - baby_a() * x1) * (y1 + x1);
    x <-- 2 * product / (1 + baby_d() * square);
    x * (1 + baby_d() * square) === 2 * product;
    // y1^2 - a x1^2
    y <-- (mixed + (baby_a() - 1) * product) / (1 - baby_d() * square);
    y * (1 - baby_d() * square) === mixed + (baby_a() - 1) * product;
}
