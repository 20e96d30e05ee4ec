// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "poseidon.circom";

// Commitment(header, n): a salted Poseidon commitment to n field elements, n >= 1,
//   chain(header, [salt, in[0], in[1], ...]),  chain: h <- Poseidon(h, next 15 elements).
// `header` is a constant that fixes domain and layout; keepers/zkml/circuit/commitment.ts computes both the header and the whole
// commitment. About 41 constraints per element.
//
// Does NOT enforce: that the elements are packed from values in range (see RangedPack), or that the salt is random.
template Commitment(header, n) {
    assert(n >= 1);
    signal input salt;
    signal input in[n];
    signal output out;

    var total = n + 1;
    var blocks = (total + 14) \ 15;
    component hash[blocks];
    for (var k = 0; k < blocks; k++) {
        var taken = 15 * k;
        var size = total - taken < 15 ? total - taken : 15;
        hash[k] = Poseidon(size + 1);
        if (k == 0) {
            hash[k].in[0] <== header;
        } else {
            hash[k].in[0] <== hash[k - 1].out;
        }
        for (var i = 0; i < size; i++) {
            if (taken + i == 0) {
                hash[k].in[i + 1] <== salt;
            } else {
                hash[k].in[i + 1] <== in[taken + i - 1];
            }
        }
    }
    out <== hash[blocks - 1].out;
}

// CommitmentToNothing(header): the salted commitment of a list without elements, chain(header, [salt]).
//
// Does NOT enforce: that the salt is random.
template CommitmentToNothing(header) {
    signal input salt;
    signal output out;

    component hash = Poseidon(2);
    hash.in[0] <== header;
    hash.in[1] <== salt;
    out <== hash.out;
}
