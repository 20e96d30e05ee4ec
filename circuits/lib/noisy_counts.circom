// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "range.circom";
include "onehot.circom";
include "poseidon.circom";
include "running_counts.circom";
include "geometric.circom";

// NoisyCounts(header, seedHeader, slices, digits, limit): opens one slice of a running count, with noise.
//   state     of the running count (running_counts.circom)
//   seed      secret; seedCommitment = Poseidon(seedHeader, seed)
//   context   public, below 2^244; its lowest four bits are the number of the slice. Each context has its own noise.
//   released  sum of 2^(16 i) (count[i] + noise[i] + 1024) over the 15 counts of the slice
//
// About 31,400 constraints with 8 digits.
//
// Does NOT enforce: that the context was unknown when the seed was chosen; the contract records in which order they came. A seed needs at
// least 128 random bits and must stay secret, because whoever knows it can subtract the noise.
template NoisyCounts(header, seedHeader, slices, digits, limit) {
    assert(digits <= 10);
    signal input seed;
    signal input blinding;
    signal input element[slices];
    signal input count[15];
    signal input slice;
    signal input context;
    signal output state;
    signal output seedCommitment;
    signal output released;

    component opened = CountState(header, slices);
    opened.blinding <== blinding;
    component chosen = OneHot(slices);
    chosen.in <== slice;
    signal part[slices];
    var element_ = 0;
    for (var s = 0; s < slices; s++) {
        opened.element[s] <== element[s];
        part[s] <== chosen.bit[s] * element[s];
        element_ += part[s];
    }
    state <== opened.state;

    component range[15];
    var sum = 0;
    for (var i = 0; i < 15; i++) {
        range[i] = Range(0, 14);
        range[i].in <== count[i];
        sum += count[i] * (1 << (16 * i));
    }
    sum === element_;

    component committed = Poseidon(2);
    committed.in[0] <== seedHeader;
    committed.in[1] <== seed;
    seedCommitment <== committed.out;

    signal high <-- context >> 4;
    component contextRange = Range(0, 240);
    contextRange.in <== high;
    16 * high + slice === context;

    component noise = TwoSidedGeometric(15, digits, limit);
    noise.seed <== seed;
    noise.context <== context;
    var packed = 0;
    for (var i = 0; i < 15; i++) {
        packed += (count[i] + noise.noise[i] + 1024) * (1 << (16 * i));
    }
    released <== packed;
}
