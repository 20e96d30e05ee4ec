// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "range.circom";
include "threshold.circom";
include "commitment.circom";

// AdditiveOutcomes(header, rows, columns, width, marks, target, weightBits): what a model predicts for rows as TableRows proves them,
// counted against the value of column `target`, which has two values. The model adds up a bias and, for each other column, one weight for
// the column's value. It predicts 1 if the sum is at least 0: a naive Bayes classifier, or a logistic regression of the marks. `weight`
// holds the bias, then the weights in the order of the marks, without those of the target; each is in
// [-2^(weightBits-1), 2^(weightBits-1)).
//
// cell[2 l + p]: the number of rows with label l and prediction p. A present row adds one to exactly one cell, a vacant row adds nothing.
// `model` is the commitment to the weights, without a salt: whoever has the model can compute it (keepers/apps/census/model.ts).
//
// About 29 + 19 constraints per row, for the columns of a census.
//
// Does NOT enforce: that the marks are those of rows; TableRows does.
template AdditiveOutcomes(header, rows, columns, width, marks, target, weightBits) {
    assert(width[target] == 2 && columns <= 32 && weightBits <= 32);
    var weights = 1 + marks - 2;
    signal input present[rows];
    signal input mark[rows][marks];
    signal input weight[weights];
    signal output model;
    signal output cell[4];

    component range[weights];
    var perElement = 253 \ weightBits;
    var elements = (weights + perElement - 1) \ perElement;
    component hash = Commitment(header, elements);
    hash.salt <== 0;
    for (var e = 0; e < elements; e++) {
        var element = 0;
        for (var i = 0; i < perElement && e * perElement + i < weights; i++) {
            var w = e * perElement + i;
            range[w] = Range(-(1 << (weightBits - 1)), weightBits);
            range[w].in <== weight[w];
            element += (weight[w] + (1 << (weightBits - 1))) * (1 << (weightBits * i));
        }
        hash.in[e] <== element;
    }
    model <== hash.out;

    // |bias + one weight for each column| < columns 2^(weightBits - 1), and the threshold gadget needs a bound of 2^(b - 1).
    var sumBits = weightBits;
    while ((1 << (sumBits - weightBits)) < columns) {
        sumBits++;
    }
    // The base contains each column's first weight, so a row's own products are with differences to it.
    var base = weight[0];
    var at = 1;
    for (var c = 0; c < columns; c++) {
        if (c != target) {
            base += weight[at];
            at += width[c];
        }
    }
    var used = marks - 2 - (columns - 1);
    signal term[rows][used];
    component predicted[rows];
    signal positive[rows];
    signal right[rows];
    var labels = 0;
    var positives = 0;
    var rights = 0;
    var all = 0;
    for (var r = 0; r < rows; r++) {
        var sum = base;
        var k = 0;
        var first = 0;
        var label = 0;
        at = 1;
        for (var c = 0; c < columns; c++) {
            if (c == target) {
                label = mark[r][first + 1];
            } else {
                for (var v = 1; v < width[c]; v++) {
                    term[r][k] <== mark[r][first + v] * (weight[at + v] - weight[at]);
                    sum += term[r][k];
                    k++;
                }
                at += width[c];
            }
            first += width[c];
        }
        predicted[r] = AtLeast(0, sumBits);
        predicted[r].in <== sum;
        positive[r] <== predicted[r].out * present[r];
        right[r] <== predicted[r].out * label;
        labels += label;
        positives += positive[r];
        rights += right[r];
        all += present[r];
    }
    cell[3] <== rights;
    cell[2] <== labels - cell[3];
    cell[1] <== positives - cell[3];
    cell[0] <== all - cell[1] - cell[2] - cell[3];
}
