// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "eddsa_poseidon.circom";
include "poseidon.circom";
include "range.circom";

// SignedCommitment(): the holder of (keyX, keyY) signed Poseidon(commitment, tag), and out = keyY + tag with 0 <= tag < 2^64.
//
// To a reader who knows the key and the tag, the output identifies both, and it costs nothing. A forger needs another pair with the
// same output: a key whose y lies within 2^64 of the given one and whose secret the forger knows. Expect one such key in 2^189 that
// a forger makes. (SHA-256, a hash of key and tag that Ethereum computes cheaply, would cost 18,000 constraints.) The key (-keyX,
// keyY) has the same output and the same owner: its secret is the negative.
//
// Does NOT enforce: what the commitment commits to, or that the tag is fresh; one signature serves any number of proofs.
template SignedCommitment() {
    signal input commitment;
    signal input tag;
    signal input keyX;
    signal input keyY;
    signal input Rx;
    signal input Ry;
    signal input S;
    signal output out;

    // Without this check, a forger's own key would pass, with the tag that makes up the difference.
    component tagRange = Range(0, 64);
    tagRange.in <== tag;
    component message = Poseidon(2);
    message.in[0] <== commitment;
    message.in[1] <== tag;
    component signature = EddsaPoseidon();
    signature.keyX <== keyX;
    signature.keyY <== keyY;
    signature.Rx <== Rx;
    signature.Ry <== Ry;
    signature.S <== S;
    signature.message <== message.out;
    out <== keyY + tag;
}
