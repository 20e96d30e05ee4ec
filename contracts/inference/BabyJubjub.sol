// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Bn254} from "./Bn254.sol";

/// @title Points of Baby Jubjub (EIP-2494), the curve of keys whose signatures only circuits check
/// @dev a·x² + y² = 1 + d·x²·y² over BN254's scalar field.
library BabyJubjub {
    /// @notice The field of the coordinates, and of a proof's public signals.
    uint256 internal constant FIELD = Bn254.SCALAR_ORDER;
    uint256 private constant A = 168700;
    uint256 private constant D = 168696;

    /// @return Whether (x, y) can be a key: its coordinates are canonical, and it is on the curve and not one of the eight points
    /// of small order, which would sign anything.
    /// @dev About 2,000 gas. Does not check that the point lies in the subgroup of prime order: signatures are checked with 8·key,
    /// in which a part of small order vanishes, so such a part helps only the key's owner.
    function isKey(uint256 x, uint256 y) internal pure returns (bool) {
        if (x >= FIELD || y >= FIELD) return false;
        uint256 xx = mulmod(x, x, FIELD);
        uint256 yy = mulmod(y, y, FIELD);
        uint256 right = addmod(1, mulmod(D, mulmod(xx, yy, FIELD), FIELD), FIELD);
        if (addmod(mulmod(A, xx, FIELD), yy, FIELD) != right) return false;
        uint256 z = 1;
        for (uint256 i = 0; i < 3; ++i) (x, y, z) = _double(x, y, z);
        // 8·key has odd order, and the only such point with x = 0 is the neutral one. z is never 0: the addition law is complete.
        return x != 0;
    }

    /// @dev Projective doubling "dbl-2008-bbjlp" of Bernstein and Lange's Explicit-Formulas Database.
    function _double(uint256 x, uint256 y, uint256 z) private pure returns (uint256, uint256, uint256) {
        uint256 both = addmod(x, y, FIELD);
        uint256 xx = mulmod(x, x, FIELD);
        uint256 yy = mulmod(y, y, FIELD);
        uint256 axx = mulmod(A, xx, FIELD);
        uint256 sum = addmod(axx, yy, FIELD);
        uint256 rest = addmod(sum, FIELD - mulmod(2, mulmod(z, z, FIELD), FIELD), FIELD);
        uint256 twice = addmod(mulmod(both, both, FIELD), FIELD - addmod(xx, yy, FIELD), FIELD);
        return (
            mulmod(twice, rest, FIELD),
            mulmod(sum, addmod(axx, FIELD - yy, FIELD), FIELD),
            mulmod(sum, rest, FIELD)
        );
    }
}
