// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "commitment.circom";

// TableRows(header, rows, columns, width, marks): rows of a table with categorical columns, and their commitment. mark[r] has width[c]
// marks for column c, one column after the other, `marks` in all.
//
// A row is present or vacant. Of a present row exactly one mark in each column is 1, of a vacant one none. So a row counts once at most in
// every marginal, which is where the sensitivity of all counts comes from.
//
// commitment = Commitment(header, ...) of the rows' codes, floor(253 / bits) in an element: bit 0 is `present`, then the value of each
// column in as many bits as its width needs. keepers/apps/census/table.ts computes the same.
//
// About marks + columns + 4 constraints a row.
//
// Does NOT enforce: that the rows are about anybody, or that two of them are not about the same person.
template TableRows(header, rows, columns, width, marks) {
    assert(rows >= 1 && columns >= 1);
    signal input salt;
    signal input present[rows];
    signal input mark[rows][marks];
    signal output commitment;

    var bits = 1;
    var valueBits[columns];
    for (var c = 0; c < columns; c++) {
        valueBits[c] = 0;
        while ((1 << valueBits[c]) < width[c]) {
            valueBits[c]++;
        }
        bits += valueBits[c];
    }
    var perElement = 253 \ bits;
    var elements = (rows + perElement - 1) \ perElement;
    component hash = Commitment(header, elements);
    hash.salt <== salt;

    for (var e = 0; e < elements; e++) {
        var element = 0;
        for (var i = 0; i < perElement && e * perElement + i < rows; i++) {
            var r = e * perElement + i;
            present[r] * (present[r] - 1) === 0;
            var code = present[r];
            var at = 1;
            var first = 0;
            for (var c = 0; c < columns; c++) {
                var count = 0;
                for (var v = 0; v < width[c]; v++) {
                    mark[r][first + v] * (mark[r][first + v] - 1) === 0;
                    count += mark[r][first + v];
                    code += v * mark[r][first + v] * (1 << at);
                }
                count === present[r];
                at += valueBits[c];
                first += width[c];
            }
            element += code * (1 << (bits * i));
        }
        hash.in[e] <== element;
    }
    commitment <== hash.out;
}
