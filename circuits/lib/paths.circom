// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

// Paths(n, parents): which inner nodes of decision trees are reached. parents[v] is -1 for a root, which is always reached. For any
// other node it is 2 p + d with p < v: v is reached if p is reached and decision[p] = d.
//
//   one[v]  1 if v is reached and decision[v] is 1, else 0
//
// Whether v is reached, minus one[v], is whether v is reached with decision[v] = 0. One constraint for each v that is not a root.
// Exactly one leaf of each tree is reached, since the two sides of a node add up to the node's own value.
//
// Does NOT enforce: that decisions are 0 or 1; the caller's comparator does.
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
