// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "commitment.circom";
include "eddsa_poseidon.circom";
include "maximum.circom";
include "merkle_root_at.circom";
include "poseidon.circom";
include "range.circom";

// AttestedSamples(n, depth, header, tag): one device signed each of the n samples (counter, value), and `summary` summarises them.
//
//   devices   root of the tree of the maker's devices: the leaf at index `device` is Poseidon(keyX, keyY)
//   samples   Commitment(header) to all counters, then all values; an element packs five counters or seven values
//   summary   device + 2^16 n + 2^32 first + 2^80 last + 2^128 min + 2^160 max + 2^192 sum:
//             first and last counter; least value, largest value and sum of the values
//   context   any value; the proof is bound to it
//
// The message of sample i is Poseidon(tag, counter[i], value[i]). 0 <= counter < 2^48 and 0 <= value < 2^32. Counters rise strictly: no
// sample counts twice, and a verifier that remembers `last` can refuse samples that it has seen. About 5,110 constraints per sample.
//
// Does NOT enforce: that the device measured what its message says, or that no sample was left out between two counters.
template AttestedSamples(n, depth, header, tag) {
    assert(n >= 2 && n <= 65535 && depth <= 16);
    signal input keyX;
    signal input keyY;
    signal input device;
    signal input sibling[depth];
    signal input counter[n];
    signal input value[n];
    signal input Rx[n];
    signal input Ry[n];
    signal input S[n];
    signal input salt;
    signal input context;
    signal output devices;
    signal output samples;
    signal output summary;

    component leaf = Poseidon(2);
    leaf.in[0] <== keyX;
    leaf.in[1] <== keyY;
    component tree = MerkleRootAt(depth);
    tree.leaf <== leaf.out;
    tree.index <== device;
    tree.sibling <== sibling;
    devices <== tree.root;

    component counterRange[n];
    component rises[n - 1];
    component valueRange[n];
    component message[n];
    component signature[n];
    component highest = Maximum(n, 32);
    component deepest = Maximum(n, 32);
    var sum = 0;
    for (var i = 0; i < n; i++) {
        counterRange[i] = Range(0, 48);
        counterRange[i].in <== counter[i];
        if (i > 0) {
            rises[i - 1] = Range(1, 48);
            rises[i - 1].in <== counter[i] - counter[i - 1];
        }
        valueRange[i] = Range(0, 32);
        valueRange[i].in <== value[i];
        highest.in[i] <== value[i];
        deepest.in[i] <== -value[i];
        sum += value[i];

        message[i] = Poseidon(3);
        message[i].in[0] <== tag;
        message[i].in[1] <== counter[i];
        message[i].in[2] <== value[i];
        signature[i] = EddsaPoseidon();
        signature[i].keyX <== keyX;
        signature[i].keyY <== keyY;
        signature[i].Rx <== Rx[i];
        signature[i].Ry <== Ry[i];
        signature[i].S <== S[i];
        signature[i].message <== message[i].out;
    }

    var counters = (n + 4) \ 5;
    var values = (n + 6) \ 7;
    component all = Commitment(header, counters + values);
    all.salt <== salt;
    for (var k = 0; k < counters; k++) {
        var element = 0;
        for (var i = 5 * k; i < 5 * k + 5 && i < n; i++) element += counter[i] * (1 << (48 * (i - 5 * k)));
        all.in[k] <== element;
    }
    for (var k = 0; k < values; k++) {
        var element = 0;
        for (var i = 7 * k; i < 7 * k + 7 && i < n; i++) element += value[i] * (1 << (32 * (i - 7 * k)));
        all.in[counters + k] <== element;
    }
    samples <== all.out;

    summary <== device + n * (1 << 16) + counter[0] * (1 << 32) + counter[n - 1] * (1 << 80) - deepest.out * (1 << 128)
        + highest.out * (1 << 160) + sum * (1 << 192);
    // Without a constraint, anybody could change this public signal of a finished proof.
    signal bound <== context * context;
}
