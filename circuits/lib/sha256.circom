// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "bits.circom";
include "majority.circom";
include "xor.circom";

// FIPS 180-4, section 4.2.2: first 32 bits of the fractional parts of the cube roots of the first 64 primes.
function sha256_round_constants() {
    return [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
    ];
}

// Section 5.3.3: first 32 bits of the fractional parts of the square roots of the first eight primes.
function sha256_initial_state() {
    return [
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
    ];
}

// Sha256Block(): one call of the compression function (FIPS 180-4, section 6.2.2). 17,824 constraints:
// 99 for each of 48 words of the schedule, 200 for each of 64 rounds, 34 for each of 8 words of the state.
//
//   state    8 words of 32 bits each, a word's lowest bit first
//   message  16 words, in the same form
//   next     state after this block, in the same form
//
// Other circuits need some 25,000 to 29,000; here the three-way xor and the majority cost one constraint each. A word becomes
// signals again only where a sum is reduced modulo 2^32: the bits of the word and of the carry are hints, each proven to be a bit,
// and ONE linear constraint says that they make the whole sum. Sums have at most seven words, so three carry bits suffice, and
// they stay far below the field's size.
//
// Does NOT enforce: that the bits of state and message are bits; the caller must have proven it.
template Sha256Block() {
    signal input state[256];
    signal input message[512];
    signal output next[256];

    var K[64] = sha256_round_constants();

    // Message schedule: w[t] = s1(w[t-2]) + w[t-7] + s0(w[t-15]) + w[t-16], two bits of carry.
    signal w[64][34];
    component wBits[48];
    component s0[48][32];
    component s1[48][32];
    for (var t = 0; t < 16; t++) {
        for (var i = 0; i < 32; i++) {
            w[t][i] <== message[32 * t + i];
        }
        w[t][32] <== 0;
        w[t][33] <== 0;
    }
    for (var t = 16; t < 64; t++) {
        var sum = 0;
        for (var i = 0; i < 32; i++) {
            s0[t - 16][i] = Xor3();
            s0[t - 16][i].a <== w[t - 15][(i + 7) % 32];
            s0[t - 16][i].b <== w[t - 15][(i + 18) % 32];
            s1[t - 16][i] = Xor3();
            s1[t - 16][i].a <== w[t - 2][(i + 17) % 32];
            s1[t - 16][i].b <== w[t - 2][(i + 19) % 32];
            // The third term of each is a shift, not a rotation: zeros come in from above.
            if (i + 3 < 32) {
                s0[t - 16][i].c <== w[t - 15][i + 3];
            } else {
                s0[t - 16][i].c <== 0;
            }
            if (i + 10 < 32) {
                s1[t - 16][i].c <== w[t - 2][i + 10];
            } else {
                s1[t - 16][i].c <== 0;
            }
            sum += (s0[t - 16][i].out + s1[t - 16][i].out + w[t - 7][i] + w[t - 16][i]) * (1 << i);
        }
        wBits[t - 16] = Bits(34);
        var made = 0;
        for (var i = 0; i < 34; i++) {
            w[t][i] <-- (sum >> i) & 1;
            wBits[t - 16].in[i] <== w[t][i];
            made += w[t][i] * (1 << i);
        }
        made === sum;
    }

    // a[t + 3], a[t + 2], a[t + 1], a[t] are the standard's a, b, c, d before round t, and e[..] its e, f, g, h. The
    // columns from 32 up are carries.
    signal a[68][35];
    signal e[68][35];
    for (var k = 0; k < 4; k++) {
        for (var i = 0; i < 35; i++) {
            if (i < 32) {
                a[3 - k][i] <== state[32 * k + i];
                e[3 - k][i] <== state[32 * (k + 4) + i];
            } else {
                a[3 - k][i] <== 0;
                e[3 - k][i] <== 0;
            }
        }
    }
    component S0[64][32];
    component S1[64][32];
    component majority[64][32];
    component aBits[64];
    component eBits[64];
    signal choice[64][32];
    for (var t = 0; t < 64; t++) {
        var temporary = K[t];
        var d = 0;
        var rest = 0;
        for (var i = 0; i < 32; i++) {
            S1[t][i] = Xor3();
            S1[t][i].a <== e[t + 3][(i + 6) % 32];
            S1[t][i].b <== e[t + 3][(i + 11) % 32];
            S1[t][i].c <== e[t + 3][(i + 25) % 32];
            choice[t][i] <== e[t + 3][i] * (e[t + 2][i] - e[t + 1][i]) + e[t + 1][i];
            temporary += (e[t][i] + S1[t][i].out + choice[t][i] + w[t][i]) * (1 << i);
            d += a[t][i] * (1 << i);

            S0[t][i] = Xor3();
            S0[t][i].a <== a[t + 3][(i + 2) % 32];
            S0[t][i].b <== a[t + 3][(i + 13) % 32];
            S0[t][i].c <== a[t + 3][(i + 22) % 32];
            majority[t][i] = Majority();
            majority[t][i].a <== a[t + 3][i];
            majority[t][i].b <== a[t + 2][i];
            majority[t][i].c <== a[t + 1][i];
            rest += (S0[t][i].out + majority[t][i].out) * (1 << i);
        }
        var aSum = temporary + rest;
        var eSum = temporary + d;
        aBits[t] = Bits(35);
        eBits[t] = Bits(35);
        var aMade = 0;
        var eMade = 0;
        for (var i = 0; i < 35; i++) {
            a[t + 4][i] <-- (aSum >> i) & 1;
            e[t + 4][i] <-- (eSum >> i) & 1;
            aBits[t].in[i] <== a[t + 4][i];
            eBits[t].in[i] <== e[t + 4][i];
            aMade += a[t + 4][i] * (1 << i);
            eMade += e[t + 4][i] * (1 << i);
        }
        aMade === aSum;
        eMade === eSum;
    }

    signal carry[8];
    component nextBits[8];
    for (var k = 0; k < 8; k++) {
        nextBits[k] = Bits(33);
        var sum = 0;
        for (var i = 0; i < 32; i++) {
            if (k < 4) {
                sum += (state[32 * k + i] + a[67 - k][i]) * (1 << i);
            } else {
                sum += (state[32 * k + i] + e[71 - k][i]) * (1 << i);
            }
        }
        var made = 0;
        for (var i = 0; i < 32; i++) {
            next[32 * k + i] <-- (sum >> i) & 1;
            nextBits[k].in[i] <== next[32 * k + i];
            made += next[32 * k + i] * (1 << i);
        }
        carry[k] <-- sum >> 32;
        nextBits[k].in[32] <== carry[k];
        made + carry[k] * (1 << 32) === sum;
    }
}

// Sha256(n): SHA-256 of a message of exactly n bytes, n >= 1, padding included. Proves 0 <= in[i] < 256. 9 constraints per byte,
// 17,824 for each block of 64 (the last one holds 55): 36,719 for 119 bytes.
//   digest  256 bits in the order in which the hash is written: the first byte's highest bit first
//
// Enforces everything stated above. The length is a constant: messages of other lengths need other circuits.
template Sha256(n) {
    assert(n >= 1 && n < (1 << 28));
    signal input in[n];
    signal output digest[256];

    signal bit[n][8];
    component byteBits[n];
    for (var k = 0; k < n; k++) {
        byteBits[k] = Bits(8);
        var made = 0;
        for (var i = 0; i < 8; i++) {
            bit[k][i] <-- (in[k] >> i) & 1;
            byteBits[k].in[i] <== bit[k][i];
            made += bit[k][i] * (1 << i);
        }
        made === in[k];
    }

    var blocks = (n + 9 + 63) \ 64;
    var H[8] = sha256_initial_state();
    component block[blocks];
    for (var m = 0; m < blocks; m++) {
        block[m] = Sha256Block();
        for (var j = 0; j < 256; j++) {
            if (m == 0) {
                block[m].state[j] <== (H[j \ 32] >> (j % 32)) & 1;
            } else {
                block[m].state[j] <== block[m - 1].next[j];
            }
        }
        for (var j = 0; j < 64; j++) {
            var at = 64 * m + j;
            for (var i = 0; i < 8; i++) {
                // Byte j of a block is byte 3 - j % 4, from below, of word j \ 4.
                var place = 32 * (j \ 4) + 8 * (3 - j % 4) + i;
                if (at < n) {
                    block[m].message[place] <== bit[at][i];
                } else if (at == n) {
                    block[m].message[place] <== i \ 7;
                } else if (at < 64 * blocks - 8) {
                    block[m].message[place] <== 0;
                } else {
                    block[m].message[place] <== ((8 * n) >> (8 * (64 * blocks - 1 - at) + i)) & 1;
                }
            }
        }
    }
    for (var j = 0; j < 256; j++) {
        digest[j] <== block[blocks - 1].next[32 * (j \ 32) + 31 - j % 32];
    }
}
