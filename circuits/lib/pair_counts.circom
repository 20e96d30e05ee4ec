// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

// PairCounts(rows, columns, width, marks, pairs, first, second, cells): two-way marginals of rows as TableRows proves them. Pair p counts
// the rows by their values in columns first[p] and second[p]: cell width[second[p]] a + b of the pair is the number of rows with values a
// and b. The pairs follow each other in `cell`, which has `cells` cells in all. A present row adds one to exactly one cell of each pair, a
// vacant row adds nothing.
//
// (width of the first - 1) (width of the second - 1) constraints per row and pair, because the other cells are differences of sums; one
// linear constraint per cell and per mark.
//
// Does NOT enforce: that the marks are those of rows; TableRows does.
template PairCounts(rows, columns, width, marks, pairs, first, second, cells) {
    signal input mark[rows][marks];
    signal output cell[cells];

    var start[columns];
    var at = 0;
    for (var c = 0; c < columns; c++) {
        start[c] = at;
        at += width[c];
    }
    var products = 0;
    for (var p = 0; p < pairs; p++) {
        products += (width[first[p]] - 1) * (width[second[p]] - 1);
    }
    signal both[rows][products];
    // Number of rows by the value of each column. Cells with a value of 0 follow from these totals and the other cells.
    signal total[marks];
    for (var m = 0; m < marks; m++) {
        var sum = 0;
        for (var r = 0; r < rows; r++) {
            sum += mark[r][m];
        }
        total[m] <== sum;
    }

    var offset = 0;
    var product = 0;
    for (var p = 0; p < pairs; p++) {
        var a = first[p];
        var b = second[p];
        for (var i = 1; i < width[a]; i++) {
            for (var j = 1; j < width[b]; j++) {
                var sum = 0;
                for (var r = 0; r < rows; r++) {
                    both[r][product] <== mark[r][start[a] + i] * mark[r][start[b] + j];
                    sum += both[r][product];
                }
                cell[offset + width[b] * i + j] <== sum;
                product++;
            }
        }
        var corner = total[start[b]];
        for (var i = 1; i < width[a]; i++) {
            var rest = total[start[a] + i];
            for (var j = 1; j < width[b]; j++) {
                rest -= cell[offset + width[b] * i + j];
            }
            cell[offset + width[b] * i] <== rest;
            corner -= rest;
        }
        for (var j = 1; j < width[b]; j++) {
            var rest = total[start[b] + j];
            for (var i = 1; i < width[a]; i++) {
                rest -= cell[offset + width[b] * i + j];
            }
            cell[offset + j] <== rest;
        }
        cell[offset] <== corner;
        offset += width[a] * width[b];
    }
}
