// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @dev A set of seats: bit s stands for seat s, 0 … 255.
type Seats is uint256;

using {
    contains,
    including,
    excluding,
    without,
    count,
    lowest,
    nth,
    draw,
    isEmpty,
    union as |,
    intersection as &,
    equal as ==,
    different as !=
} for Seats global;

Seats constant NONE = Seats.wrap(0);

function contains(Seats set, uint8 seat) pure returns (bool) {
    return (Seats.unwrap(set) >> seat) & 1 == 1;
}

function including(Seats set, uint8 seat) pure returns (Seats) {
    return Seats.wrap(Seats.unwrap(set) | (1 << seat));
}

function excluding(Seats set, uint8 seat) pure returns (Seats) {
    return Seats.wrap(Seats.unwrap(set) & ~(1 << uint256(seat)));
}

/// @dev The seats of `set` that are not in `other`.
function without(Seats set, Seats other) pure returns (Seats) {
    return Seats.wrap(Seats.unwrap(set) & ~Seats.unwrap(other));
}

/// @dev Population count: sums in parallel in fields of 2, 4, 8 bits, then the 32 bytes by one multiplication (Warren,
/// Hacker's Delight, 2nd edition, section 5-1). The full set would overflow the last byte, hence the test.
function count(Seats set) pure returns (uint256 n) {
    n = Seats.unwrap(set);
    if (n == type(uint256).max) return 256;
    unchecked {
        n -= (n >> 1) & 0x5555555555555555555555555555555555555555555555555555555555555555;
        n =
            (n & 0x3333333333333333333333333333333333333333333333333333333333333333) +
            ((n >> 2) & 0x3333333333333333333333333333333333333333333333333333333333333333);
        n = (n + (n >> 4)) & 0x0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f;
        n = (n * 0x0101010101010101010101010101010101010101010101010101010101010101) >> 248;
    }
}

/// @dev Lowest seat of a set that is not empty (0 for an empty one): binary search for the lowest bit.
function lowest(Seats set) pure returns (uint8 seat) {
    uint256 bits = Seats.unwrap(set);
    unchecked {
        bits &= ~bits + 1;
        if (bits >> 128 != 0) seat |= 128;
        if (bits & 0xffffffffffffffff0000000000000000ffffffffffffffff0000000000000000 != 0) seat |= 64;
        if (bits & 0xffffffff00000000ffffffff00000000ffffffff00000000ffffffff00000000 != 0) seat |= 32;
        if (bits & 0xffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000 != 0) seat |= 16;
        if (bits & 0xff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00 != 0) seat |= 8;
        if (bits & 0xf0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0 != 0) seat |= 4;
        if (bits & 0xcccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc != 0) seat |= 2;
        if (bits & 0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa != 0) seat |= 1;
    }
}

/// @dev The seat of the set with exactly `k` lower ones, for k < count: binary search by counting.
function nth(Seats set, uint256 k) pure returns (uint8 seat) {
    uint256 bits = Seats.unwrap(set);
    unchecked {
        for (uint256 width = 128; width > 0; width >>= 1) {
            uint256 half = bits & ((1 << width) - 1);
            uint256 below = count(Seats.wrap(half));
            if (k < below) {
                bits = half;
            } else {
                k -= below;
                bits >>= width;
                seat += uint8(width);
            }
        }
    }
}

/// @dev `size` seats of a set that has at least this many, each choice equally likely (to 2^-24 per seat). Picks these seats or
/// drops the others, whichever are fewer; one hash serves eight.
function draw(Seats set, uint256 size, bytes32 seed) pure returns (Seats) {
    uint256 have = count(set);
    bool dropping = 2 * size > have;
    Seats taken = NONE;
    uint256 random;
    for (uint256 i = dropping ? have - size : size; i > 0; --i) {
        random >>= 32;
        if (random == 0) random = uint256(keccak256(abi.encode(seed, i)));
        Seats one = only(nth(set, (random & 0xffffffff) % have));
        taken = taken | one;
        set = without(set, one);
        --have;
    }
    return dropping ? set : taken;
}

function isEmpty(Seats set) pure returns (bool) {
    return Seats.unwrap(set) == 0;
}

function union(Seats a, Seats b) pure returns (Seats) {
    return Seats.wrap(Seats.unwrap(a) | Seats.unwrap(b));
}

function intersection(Seats a, Seats b) pure returns (Seats) {
    return Seats.wrap(Seats.unwrap(a) & Seats.unwrap(b));
}

function equal(Seats a, Seats b) pure returns (bool) {
    return Seats.unwrap(a) == Seats.unwrap(b);
}

function different(Seats a, Seats b) pure returns (bool) {
    return Seats.unwrap(a) != Seats.unwrap(b);
}

/// @dev The set of one seat.
function only(uint8 seat) pure returns (Seats) {
    return Seats.wrap(1 << seat);
}
