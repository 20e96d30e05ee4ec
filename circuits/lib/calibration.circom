// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "equal.circom";
include "range.circom";
include "threshold.circom";

// Expected calibration error by bins (Guo et al. 2017): how far the share of right answers is from the confidence that is stated for
// their margins. A bin is a range of margins (margin.circom) with a stated confidence in permille. n fits into b bits: n < 2^b,
// b <= 24.

// CalibrationError(n, k, from, confidence, m, b): error = the sum over bins of |1000 * right - confidence * answers|, which is 1000 n
// times the expected calibration error. Bin j holds the margins from from[j] to from[j + 1] - 1; from[0] = 0. About
// n ((k - 1) (m + 2) + 3) + k (b + 13) constraints.
//
// Does NOT enforce: 0 <= margin < 2^m and 0 <= from[j] < 2^m; the caller must have proven it for the margins.
template CalibrationError(n, k, from, confidence, m, b) {
    assert(n >= 1 && n < (1 << b) && b <= 24 && k >= 2);
    signal input prediction[n];
    signal input margin[n];
    signal input label[n];
    signal output error;

    component right[n];
    component reaches[n][k - 1];
    signal rightHere[n][k - 1];
    var answers[k];
    var hits[k];
    for (var j = 0; j < k; j++) {
        answers[j] = 0;
        hits[j] = 0;
    }
    for (var i = 0; i < n; i++) {
        right[i] = Equal();
        right[i].a <== prediction[i];
        right[i].b <== label[i];
        // Answers that reach the next bin do not belong to this one.
        answers[0] += 1;
        hits[0] += right[i].out;
        for (var j = 1; j < k; j++) {
            reaches[i][j - 1] = AtLeast(from[j], m + 1);
            reaches[i][j - 1].in <== margin[i];
            rightHere[i][j - 1] <== reaches[i][j - 1].out * right[i].out;
            answers[j - 1] -= reaches[i][j - 1].out;
            answers[j] += reaches[i][j - 1].out;
            hits[j - 1] -= rightHere[i][j - 1];
            hits[j] += rightHere[i][j - 1];
        }
    }
    signal difference[k];
    component sign[k];
    signal size[k];
    var total = 0;
    for (var j = 0; j < k; j++) {
        difference[j] <== 1000 * hits[j] - confidence[j] * answers[j];
        sign[j] = AtLeast(0, b + 11);
        sign[j].in <== difference[j];
        size[j] <== (2 * sign[j].out - 1) * difference[j];
        total += size[j];
    }
    error <== total;
}

// CalibrationAtMost: the expected calibration error is at most claim / 1000, 0 <= claim < 1024.
//
// Does NOT enforce: the same as CalibrationError.
template CalibrationAtMost(n, k, from, confidence, m, b) {
    signal input prediction[n];
    signal input margin[n];
    signal input label[n];
    signal input claim;

    component measured = CalibrationError(n, k, from, confidence, m, b);
    for (var i = 0; i < n; i++) {
        measured.prediction[i] <== prediction[i];
        measured.margin[i] <== margin[i];
        measured.label[i] <== label[i];
    }
    component claimRange = Range(0, 10);
    claimRange.in <== claim;
    component rest = Range(0, b + 11);
    rest.in <== claim * n - measured.error;
}

// CalibrationAbove: the opposite: the expected calibration error is more than claim / 1000.
//
// Does NOT enforce: the same as CalibrationError.
template CalibrationAbove(n, k, from, confidence, m, b) {
    signal input prediction[n];
    signal input margin[n];
    signal input label[n];
    signal input claim;

    component measured = CalibrationError(n, k, from, confidence, m, b);
    for (var i = 0; i < n; i++) {
        measured.prediction[i] <== prediction[i];
        measured.margin[i] <== margin[i];
        measured.label[i] <== label[i];
    }
    component claimRange = Range(0, 10);
    claimRange.in <== claim;
    component surplus = Range(1, b + 11);
    surplus.in <== measured.error - claim * n;
}
