// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "range.circom";

// RangedPack(n, b): proves 0 <= in[i] < 2^b for all i and packs k = floor(253 / b) values into each element, out[j] = sum of 2^(b
// i) in[j k + i]. Ranges and packing are one gadget: without ranges a packing is not injective, and a commitment to it binds
// nothing. b constraints per value and one linear constraint per element.
//
// Enforces everything stated above.
template RangedPack(n, b) {
    assert(b >= 1 && b <= 252);
    var perElement = 253 \ b;
    var elements = (n + perElement - 1) \ perElement;
    signal input in[n];
    signal output out[elements];

    component range[n];
    for (var j = 0; j < elements; j++) {
        var sum = 0;
        for (var i = 0; i < perElement && j * perElement + i < n; i++) {
            var at = j * perElement + i;
            range[at] = Range(0, b);
            range[at].in <== in[at];
            sum += in[at] * (1 << (b * i));
        }
        out[j] <== sum;
    }
}
