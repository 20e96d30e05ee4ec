// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "poseidon.circom";

// A running count is a hidden list of counts to which a chain of proofs adds. Its state is
//   Poseidon(header, blinding, e[0], ..., e[slices - 1]),   e[s] = sum of 2^(16 i) count[15 s + i],
// which hides the counts behind the blinding. Every count stays below 2^14 if the chain begins with the state of zeros and blinding 0, and
// adds less than 2^14 rows in all; the contract that follows the chain ensures both. keepers/apps/census/counting.ts computes the same.

// CountState(header, slices): the state. slices <= 14. About 300 constraints.
//
// Does NOT enforce: anything about the elements.
template CountState(header, slices) {
    assert(slices >= 1 && slices <= 14);
    signal input blinding;
    signal input element[slices];
    signal output state;

    component hash = Poseidon(2 + slices);
    hash.in[0] <== header;
    hash.in[1] <== blinding;
    for (var s = 0; s < slices; s++) {
        hash.in[2 + s] <== element[s];
    }
    state <== hash.out;
}

// RunningCounts(header, slices, cells): leads from the state `before` to the state `after` by adding `cell`. cells <= 15 slices.
//
// Does NOT enforce: that the blindings are random, that the cells are small, or that `before` is a state that some chain has reached.
template RunningCounts(header, slices, cells) {
    assert(cells >= 1 && cells <= 15 * slices);
    signal input blindingBefore;
    signal input blindingAfter;
    signal input element[slices];
    signal input cell[cells];
    signal output before;
    signal output after;

    component from = CountState(header, slices);
    component to = CountState(header, slices);
    from.blinding <== blindingBefore;
    to.blinding <== blindingAfter;
    for (var s = 0; s < slices; s++) {
        var sum = element[s];
        for (var i = 0; i < 15 && 15 * s + i < cells; i++) {
            sum += cell[15 * s + i] * (1 << (16 * i));
        }
        from.element[s] <== element[s];
        to.element[s] <== sum;
    }
    before <== from.state;
    after <== to.state;
}
