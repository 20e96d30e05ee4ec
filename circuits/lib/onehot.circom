// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

// OneHot(n): 0 <= in < n, and bit[v] = [in = v]. n constraints and two linear ones.
//
// Enforces everything stated above; an `in` outside [0, n) has no witness.
template OneHot(n) {
    assert(n >= 1);
    signal input in;
    signal output bit[n];

    var count = 0;
    var index = 0;
    for (var v = 0; v < n; v++) {
        bit[v] <-- in == v;
        bit[v] * (bit[v] - 1) === 0;
        count += bit[v];
        index += v * bit[v];
    }
    count === 1;
    index === in;
}
