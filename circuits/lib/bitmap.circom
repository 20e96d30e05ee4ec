// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "onehot.circom";
include "range.circom";

// Number of bits in a word of a bitmap.
function bitmap_word_bits() {
    return 250;
}

// InBitmap(words): bit `index` of a bitmap is 1, 0 <= index < 250 words. Bit i of the bitmap is bit i mod 250 of word[i \ 250]. 765
// constraints for four words, because only the word with this bit is decomposed.
//
// Does NOT enforce: that the other words are below 2^250.
template InBitmap(words) {
    signal input index;
    signal input word[words];

    var width = bitmap_word_bits();
    signal quotient;
    quotient <-- index \ width;
    component which = OneHot(words);
    which.in <== quotient;
    component where = OneHot(width);
    where.in <== index - width * quotient;

    signal part[words];
    var chosen = 0;
    for (var w = 0; w < words; w++) {
        part[w] <== which.bit[w] * word[w];
        chosen += part[w];
    }
    signal taken <== chosen;
    component bits = Range(0, width);
    bits.in <== taken;
    signal product[width];
    var found = 0;
    var lowest = taken;
    for (var i = 1; i < width; i++) {
        product[i] <== where.bit[i] * bits.high[i - 1];
        found += product[i];
        lowest -= bits.high[i - 1] * (1 << i);
    }
    product[0] <== where.bit[0] * lowest;
    found + product[0] === 1;
}
