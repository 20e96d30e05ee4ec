// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "range.circom";

// Piecewise(n, breakpoints, slopes, intercepts, b): out = slopes[j] in + intercepts[j], j = #{k : breakpoints[k] <= in}, with n
// ascending breakpoints and n + 1 slopes and intercepts. Needs -2^(b-1) <= in - breakpoints[k] < 2^(b-1) for all k.
// n (b + 1) constraints and n + 1 linear ones.
//
// Does NOT enforce: that the pieces meet; the function is just what the given numbers define.
template Piecewise(n, breakpoints, slopes, intercepts, b) {
    assert(n >= 1 && b >= 2);
    signal input in;
    signal output out;

    component range[n];
    signal step[n];
    var sum = slopes[0] * in + intercepts[0];
    for (var k = 0; k < n; k++) {
        range[k] = Range(breakpoints[k] - (1 << (b - 1)), b);
        range[k].in <== in;
        step[k] <== range[k].high[b - 2] * ((slopes[k + 1] - slopes[k]) * in + intercepts[k + 1] - intercepts[k]);
        sum += step[k];
    }
    out <== sum;
}
