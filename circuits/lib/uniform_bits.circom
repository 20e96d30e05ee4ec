// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "range.circom";

// UniformBits(): the lowest 192 bits of a field element, which are exactly uniform if `in` is: in = low + 2^192 high with 0 <= high < H, H
// = floor(r / 2^192). The decomposition is unique: H 2^192 <= r, so nothing wraps around, and among the `in` below H 2^192 each low part
// appears H times. An `in` of H 2^192 or more, one in 2^61, has no witness. 318 constraints.
//
// Enforces everything stated above.
template UniformBits() {
    signal input in;
    signal output bit[192];

    var r = -1;
    // floor((r - 1) / 2^192) = floor(r / 2^192): r is odd.
    var H = r >> 192;
    var low = 0;
    for (var i = 0; i < 192; i++) {
        bit[i] <-- (in >> i) & 1;
        bit[i] * (bit[i] - 1) === 0;
        low += bit[i] * (1 << i);
    }
    signal high <-- in >> 192;
    low + high * (1 << 192) === in;
    component atLeast = Range(0, 62);
    atLeast.in <== high;
    component atMost = Range(0, 62);
    atMost.in <== H - 1 - high;
}
