// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

// Paths(n, parents): which inner nodes of decision trees are reached. parents[v] is -1 for a root, which is always reached, else
// 2 p + d with p < v: v is reached where p is and decision[p] = d.
//
//   one[v]  1 where v is reached and decision[v] is 1, else 0
//
// Whether v is reached and decision[v] is 0 is then the difference: what is reached less one[v]. One constraint for each v that is
// no root. Exactly one leaf of each tree is reached, since what leaves a node by its two sides adds up to what comes in.
//
// Does NOT enforce: that decisions are 0 or 1; the caller has them from a comparator.
template Paths(n, parents) {
    signal input decision[n];
    signal output one[n];

    var reached[n];
    for (var v = 0; v < n; v++) {
        if (parents[v] < 0) {
            reached[v] = 1;
            one[v] <== decision[v];
        } else {
            var p = parents[v] \ 2;
            if (parents[v] % 2 == 1) {
                reached[v] = one[p];
            } else {
                reached[v] = reached[p] - one[p];
            }
            one[v] <== reached[v] * decision[v];
        }
    }
}
