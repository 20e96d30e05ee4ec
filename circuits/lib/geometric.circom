// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "poseidon.circom";
include "uniform_bits.circom";
include "below.circom";

// TwoSidedGeometric(n, digits, limit): n draws of discrete Laplace noise, derived from a secret seed and a public context. Each is the
// difference of two geometric numbers.
//
// The binary digits of a geometric number are independent: digit i is 1 with probability q^(2^i) / (1 + q^(2^i)). limit[i] / 2^32 is that
// probability, rounded; keepers/apps/census/noise.ts computes the limits, and the exact distribution that they give. A coin compares 32
// uniform bits with a limit: coin c takes the bits from 32 (c mod 6) on of Poseidon(seed, context, floor(c / 6)). In draw k, coin 2 digits
// k + i is digit i of the number that is added, and coin 2 digits k + digits + i that of the one that is subtracted. |noise[k]| < 2^digits.
//
// About 129 constraints per coin.
//
// Does NOT enforce: that the seed was committed to before the context was known; the caller must say where both come from.
template TwoSidedGeometric(n, digits, limit) {
    assert(n >= 1 && digits >= 1 && digits <= 32);
    signal input seed;
    signal input context;
    signal output noise[n];

    var coins = 2 * digits * n;
    var blocks = (coins + 5) \ 6;
    component hash[blocks];
    component uniform[blocks];
    for (var b = 0; b < blocks; b++) {
        hash[b] = Poseidon(3);
        hash[b].in[0] <== seed;
        hash[b].in[1] <== context;
        hash[b].in[2] <== b;
        uniform[b] = UniformBits();
        uniform[b].in <== hash[b].out;
    }
    component coin[coins];
    for (var k = 0; k < n; k++) {
        var sum = 0;
        for (var j = 0; j < 2 * digits; j++) {
            var c = 2 * digits * k + j;
            var digit = j % digits;
            coin[c] = Below(32, limit[digit]);
            for (var i = 0; i < 32; i++) {
                coin[c].in[i] <== uniform[c \ 6].bit[32 * (c % 6) + i];
            }
            if (j < digits) {
                sum += coin[c].out * (1 << digit);
            } else {
                sum -= coin[c].out * (1 << digit);
            }
        }
        noise[k] <== sum;
    }
}
