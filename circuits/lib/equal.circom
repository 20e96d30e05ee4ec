// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

// Equal(): out = [a = b]. Three constraints. The usual gadget leaves the hint for the inverse free if a = b; here the third
// constraint makes it 0, so every signal has one value.
//
// Enforces everything stated above.
template Equal() {
    signal input a;
    signal input b;
    signal output out;

    signal inverse;
    inverse <-- a == b ? 0 : 1 / (a - b);
    out <== 1 - (a - b) * inverse;
    (a - b) * out === 0;
    inverse * out === 0;
}
