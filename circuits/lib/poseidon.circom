// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "poseidon_constants.circom";

// Poseidon(n) for 1 <= n <= 16: the same function as circomlib's (x^5, 8 full rounds, eprint 2019/458 with the sparse matrices of
// its appendix B), with constants included from circomlib. Rewritten because circomlib passes every linear step through signals,
// which costs some 1,400 linear constraints per call unless the compiler removes them. Here the state consists of linear
// expressions in variables, so a call costs three constraints per S-box and one for the output: 610 for n = 16.
//
// Does NOT enforce: anything about the inputs. Lists of different lengths never share a call.
template Poseidon(n) {
    signal input in[n];
    signal output out;

    var PARTIAL[16] = [56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68];
    var FULL = 8;
    var t = n + 1;
    var partial = PARTIAL[n - 1];
    var C[t * FULL + partial] = POSEIDON_C(t);
    var S[partial * (2 * t - 1)] = POSEIDON_S(t);
    var M[t][t] = POSEIDON_M(t);
    var P[t][t] = POSEIDON_P(t);

    // The very first S-box works on a constant (the capacity, 0, plus C[0]) and needs no signal.
    var boxes = FULL * t + partial - 1;
    signal square[boxes];
    signal fourth[boxes];
    signal fifth[boxes];
    var box = 0;

    var state[t];
    state[0] = C[0] ** 5;
    for (var j = 1; j < t; j++) {
        state[j] = in[j - 1] + C[j];
    }
    for (var round = 0; round < FULL \ 2; round++) {
        for (var j = 0; j < t; j++) {
            if (round > 0 || j > 0) {
                square[box] <== state[j] * state[j];
                fourth[box] <== square[box] * square[box];
                fifth[box] <== fourth[box] * state[j];
                state[j] = fifth[box];
                box++;
            }
            state[j] += C[(round + 1) * t + j];
        }
        var mixed[t];
        for (var i = 0; i < t; i++) {
            mixed[i] = 0;
            for (var j = 0; j < t; j++) {
                if (round < FULL \ 2 - 1) {
                    mixed[i] += M[j][i] * state[j];
                } else {
                    mixed[i] += P[j][i] * state[j];
                }
            }
        }
        state = mixed;
    }
    for (var round = 0; round < partial; round++) {
        square[box] <== state[0] * state[0];
        fourth[box] <== square[box] * square[box];
        fifth[box] <== fourth[box] * state[0];
        state[0] = fifth[box] + C[(FULL \ 2 + 1) * t + round];
        box++;
        var row = (2 * t - 1) * round;
        var head = 0;
        for (var j = 0; j < t; j++) {
            head += S[row + j] * state[j];
        }
        for (var j = 1; j < t; j++) {
            state[j] += S[row + t + j - 1] * state[0];
        }
        state[0] = head;
    }
    for (var round = 0; round < FULL \ 2; round++) {
        for (var j = 0; j < t; j++) {
            square[box] <== state[j] * state[j];
            fourth[box] <== square[box] * square[box];
            fifth[box] <== fourth[box] * state[j];
            state[j] = fifth[box];
            if (round < FULL \ 2 - 1) {
                state[j] += C[(FULL \ 2 + 1) * t + partial + round * t + j];
            }
            box++;
        }
        if (round < FULL \ 2 - 1) {
            var mixed[t];
            for (var i = 0; i < t; i++) {
                mixed[i] = 0;
                for (var j = 0; j < t; j++) {
                    mixed[i] += M[j][i] * state[j];
                }
            }
            state = mixed;
        }
    }
    var digest = 0;
    for (var j = 0; j < t; j++) {
        digest += M[j][0] * state[j];
    }
    out <== digest;
}
