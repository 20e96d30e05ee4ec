// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "commitment.circom";

// TableRows(header, rows, columns, width, marks): rows of a table with categorical columns, and the commitment to them. mark[r] has
// width[c] marks for column c, one column after the other, `marks` in all.
//
// A row is present or vacant. In a present row exactly one mark of each column is 1, in a vacant row none is. So a row counts at most once
// in every marginal, which bounds the sensitivity of all counts.
//
// commitment = Commitment(header, ...) of the rows' codes, floor(253 / bits) of them in an element. Bit 0 of a code is `present`; then
// comes the value of each column, in as many bits as its width needs. keepers/apps/census/table.ts computes the same.
//
// About marks + columns + 4 constraints per row.
//
// Does NOT enforce: that the rows are about real people, or that two of them are not about the same person.
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
