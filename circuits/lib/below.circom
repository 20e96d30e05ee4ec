// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

// Below(n, limit): out = 1 if the number with the n bits in[i], lowest first, is less than the constant `limit`, else 0; 0 < limit < 2^n.
// One constraint for each bit above the lowest 1 of `limit`.
//
// It goes from the lowest bit up. Where `limit` has a 1, the number is less up to here if its own bit is 0 or the rest was less. Where
// `limit` has a 0, it is less if its own bit is 0 and the rest was less.
//
// Does NOT enforce: that in[i] are bits; the caller must have proven it. `out` is a bit if they are.
template Below(n, limit) {
    assert(n >= 1 && n <= 252 && limit > 0 && limit < (1 << n));
    signal input in[n];
    signal output out;

    var lowest = 0;
    while (((limit >> lowest) & 1) == 0) {
        lowest++;
    }
    signal less[n - lowest];
    less[0] <== 1 - in[lowest];
    for (var i = lowest + 1; i < n; i++) {
        var before = less[i - lowest - 1];
        if (((limit >> i) & 1) == 1) {
            less[i - lowest] <== 1 - in[i] * (1 - before);
        } else {
            less[i - lowest] <== (1 - in[i]) * before;
        }
    }
    out <== less[n - 1 - lowest];
}
