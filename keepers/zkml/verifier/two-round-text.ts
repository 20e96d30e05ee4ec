// SPDX-License-Identifier: GPL-3.0-or-later
// The text of the Solidity verifier for Groth16 in two rounds, with {{fields}} that two-round-solidity.ts fills. The generated text
// is MIT.
import {
  BATCH_COEFFICIENT,
  BATCH_ERROR_AND_SETUP,
  BATCH_PARAMETERS,
  FIELDS_AND_KEY_HASH,
  PRECOMPILES,
  PROOF_AND_ROW,
  PROOF_AND_SIGNALS,
  PROOF_POINTS,
  TWIST_B,
} from './shared-text.ts'

/** Header, constants of the key, the hash that names the key, and the challenges. */
export const TWO_ROUND_PRELUDE = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title Verifier of Groth16 in two rounds (MIRAGE, ePrint 2020/278) over BN254 for {{subject}}.
/// @notice Written by \`cohort zkml export-verifier\`; do not edit.
{{notice}}
contract {{name}} {
${PROOF_POINTS}
        /// C₁, the commitment to the first round that the challenges are hashed from, and C₂, each in one word: x, and in bit 255 whether y
        /// is the larger of its two values. A proof has the words of one of plain Groth16, so callers need not tell them apart.
        uint256[2] c;
    }

${BATCH_ERROR_AND_SETUP}

    /// @notice The proof system: this contract does not take proofs of plain Groth16.
    string public constant SYSTEM = "{{system}}";

    /// (q + 1) / 4: a square's power of it is a root of the square.
    uint256 private constant ROOT_EXPONENT = {{rootExponent}};
${FIELDS_AND_KEY_HASH}
    /// keccak256("cohort groth16-lookup key v1") and keccak256("cohort groth16-lookup challenge v1").
    uint256 private constant KEY_TAG = {{keyTag}};
    uint256 private constant CHALLENGE_TAG = {{challengeTag}};

    // The verification key, α, γ, δ₁ and δ₂ negated. IC: one, {{signals}} public signals, {{challenges}} challenges.
{{constants}}

    /// @notice keccak256 of the words of tag, shape, alpha, beta, gamma, delta1, delta2 and IC, computed from what the code really uses.
    function vkHash() external pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore(m, KEY_TAG)
            mstore(add(m, 0x20), {{signals}})
            mstore(add(m, 0x40), {{challenges}})
            mstore(add(m, 0x60), {{firstRound}})
            mstore(add(m, 0x80), NEG_ALPHA_X)
            mstore(add(m, 0xa0), mod(sub(Q, NEG_ALPHA_Y), Q))
            mstore(add(m, 0xc0), BETA_X_IM)
            mstore(add(m, 0xe0), BETA_X_RE)
            mstore(add(m, 0x100), BETA_Y_IM)
            mstore(add(m, 0x120), BETA_Y_RE)
{{negatedWords}}
{{icWords}}
            hash := keccak256(m, {{hashBytes}})
        }
    }

    /// @dev keccak256(CHALLENGE_TAG ‖ KEY_HASH ‖ C₁ ‖ public signals ‖ i) >> 8 for challenge i. Everything that a prover said before is
    /// in it: from a hash of C₁ alone, a proof could be moved to another statement.
    function _challenges(uint256 x1, uint256 y1, uint256[{{signals}}] calldata publicSignals)
        private
        pure
        returns (uint256[{{challenges}}] memory found)
    {
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore(m, CHALLENGE_TAG)
            mstore(add(m, 0x20), KEY_HASH)
            mstore(add(m, 0x40), x1)
            mstore(add(m, 0x60), y1)
            calldatacopy(add(m, 0x80), publicSignals, {{signalBytes}})
{{challengeWords}}
        }
    }
`

/** One proof: e(A, B) · e(−α, β) · e(Σ, −γ) · e(C₁, −δ₁) · e(C₂, −δ₂) = 1. */
export const TWO_ROUND_SINGLE = `    /// @notice Whether the proof holds for the public signals.
    /// @dev Returns false for signals ≥ r, coordinates ≥ q, points that are not on the curve and points at infinity. Both range checks
    /// matter: a signal s and s + r, or a coordinate y and y + q, would otherwise be two encodings of one statement. Proofs can be
    /// re-randomised by anyone, so never key a replay check on their bytes.
    function verifyProof(
${PROOF_AND_SIGNALS}
    ) external view returns (bool holds) {
        if (!_wellFormed(a, b) || !_inScalarField(publicSignals)) return false;
        (uint256 x1, uint256 y1, uint256 x2, uint256 y2) = _decompress(c);
        if (y2 == 0) return false;
        uint256[{{challenges}}] memory challenges = _challenges(x1, y1, publicSignals);
        assembly ("memory-safe") {
            let at := mload(0x40)
            let m := add(at, 0x3c0)
            mstore(0x40, m)
            calldatacopy(at, a, 0x40)
            calldatacopy(add(at, 0x40), b, 0x80)
            mstore(add(at, 0xc0), NEG_ALPHA_X)
            mstore(add(at, 0xe0), NEG_ALPHA_Y)
            mstore(add(at, 0x240), x1)
            mstore(add(at, 0x260), y1)
            mstore(add(at, 0x300), x2)
            mstore(add(at, 0x320), y2)
            // The sum of IC at m, each term behind it. All points are on the curve: no call can fail for its input.
            mstore(m, IC0_X)
            mstore(add(m, 0x20), IC0_Y)
            let ok := 1
{{icSum}}
            // Only a chain without the precompiles, or too little gas, comes here.
            if iszero(and(ok, eq(returndatasize(), 0x40))) { revert(0, 0) }
            mcopy(add(at, 0x180), m, 0x40)
            at := add(at, 0xc0)
{{keyPairs}}
            // As _pairingIsOne, for five pairs.
            if lt(gas(), 219500) { revert(0, 0) }
            ok := staticcall(430000, 8, sub(at, 0xc0), 0x3c0, 0x00, 0x20)
            holds := and(and(ok, eq(returndatasize(), 0x20)), eq(mload(0x00), 1))
        }
    }

    function _inScalarField(uint256[{{signals}}] calldata signals) private pure returns (bool ok) {
        assembly ("memory-safe") {
{{signalChecks}}
        }
    }

    /// @dev The two points of the curve that two words stand for, their roots by the modular exponentiation of EIP-198; y2 is 0 where a word
    /// stands for none, and no point of the curve has y = 0. Reverts when gas is short.
    function _decompress(uint256[2] calldata words)
        private
        view
        returns (uint256 x1, uint256 y1, uint256 x2, uint256 y2)
    {
        assembly ("memory-safe") {
            function root(m, word) -> x, y {
                x := shr(1, shl(1, word))
                let square := addmod(mulmod(mulmod(x, x, Q), x, Q), 3, Q)
                mstore(add(m, 0x60), square)
                let ok := staticcall(gas(), 5, m, 0xc0, 0x00, 0x20)
                if iszero(and(ok, eq(returndatasize(), 0x20))) { revert(0, 0) }
                y := mload(0x00)
                // The other root where bit 255 asks for it; none where x is no coordinate of the curve.
                if xor(gt(y, shr(1, Q)), shr(255, word)) { y := sub(Q, y) }
                y := mul(y, and(lt(x, Q), eq(mulmod(y, y, Q), square)))
            }
            let m := mload(0x40)
            mstore(m, 0x20)
            mstore(add(m, 0x20), 0x20)
            mstore(add(m, 0x40), 0x20)
            mstore(add(m, 0x80), ROOT_EXPONENT)
            mstore(add(m, 0xa0), Q)
            x1, y1 := root(m, calldataload(words))
            x2, y2 := root(m, calldataload(add(words, 0x20)))
            y2 := mul(y2, iszero(iszero(y1)))
        }
    }

    /// @dev Coordinates below q, and each point on its curve: y² = x³ + 3, and y² = x³ + 3/(9 + i) over the quadratic extension with
    /// i² = −1. Infinity, which the precompiles write as zeros, is on neither; no honest proof has a point there. That B is in the
    /// right subgroup is checked by the pairing precompile; points off the curve would make it burn all the gas it was given.
    function _wellFormed(uint256[2] calldata a, uint256[2][2] calldata b) private pure returns (bool ok) {
        assembly ("memory-safe") {
            function onCurve(point, q) -> yes {
                let x := calldataload(point)
                let y := calldataload(add(point, 0x20))
                yes := eq(mulmod(y, y, q), addmod(mulmod(mulmod(x, x, q), x, q), 3, q))
                yes := and(yes, and(lt(x, q), lt(y, q)))
            }
            function onTwist(point, q) -> yes {
                let xi := calldataload(point)
                let xr := calldataload(add(point, 0x20))
                let yi := calldataload(add(point, 0x40))
                let yr := calldataload(add(point, 0x60))
                yes := and(and(lt(xi, q), lt(xr, q)), and(lt(yi, q), lt(yr, q)))
                // (re, im) of x², then of x³ + b
                let sr := mulmod(add(xr, xi), addmod(xr, sub(q, xi), q), q)
                let si := mulmod(add(xr, xr), xi, q)
                let cr := addmod(mulmod(sr, xr, q), sub(q, mulmod(si, xi, q)), q)
                let ci := addmod(mulmod(sr, xi, q), mulmod(si, xr, q), q)
                cr := addmod(cr, ${TWIST_B.re}, q)
                ci := addmod(ci, ${TWIST_B.im}, q)
                yes := and(yes, eq(mulmod(add(yr, yi), addmod(yr, sub(q, yi), q), q), cr))
                yes := and(yes, eq(mulmod(add(yr, yr), yi, q), ci))
            }
            // The optimiser would copy a constant from the code at each use, for 30 gas. There is calldata: this is Q.
            let q := Q
            if iszero(calldatasize()) { q := 0 }
            ok := and(onCurve(a, q), onTwist(b, q))
        }
    }

    /// @dev Writes β, −γ, −δ₁ and −δ₂ as the second halves of the four pairs that begin at an offset.
    function _pushKey(bytes memory pairs, uint256 offset) private pure {
        assembly ("memory-safe") {
            let at := add(add(pairs, 0x20), offset)
{{keyPairs}}
        }
    }

${PRECOMPILES}`

/** Many proofs under one key: their equations, each raised to a coefficient nobody could choose, multiplied. */
export const TWO_ROUND_BATCH = `    /// @notice Whether all proofs hold, row i of the signals belonging to proof i; much cheaper for each than alone.
    /// @dev A random linear combination: with coefficients of 128 bits hashed from the key and the whole calldata (proofs and
    /// signals), a batch that holds a false proof passes with probability 2^-128 for each hash that a forger tries. Each proof has
    /// challenges of its own. One bad proof fails the batch.
${BATCH_PARAMETERS}
        bytes memory pairs = new bytes((n + 4) * 0xc0);
        uint256 at;
        assembly ("memory-safe") {
            at := add(pairs, 0x20)
        }
        uint256[{{icLength}}] memory sums;
        (uint256 x1, uint256 y1, uint256 x2, uint256 y2) = (0, 0, 0, 0);
        for (uint256 i = 0; i < n; ++i) {
${PROOF_AND_ROW}
            if (!_wellFormed(proof.a, proof.b) || !_inScalarField(signals)) return false;
${BATCH_COEFFICIENT}
            at = _pushProof(at, proof, coefficient);
            (uint256 xFirst, uint256 yFirst, uint256 xSecond, uint256 ySecond) = _decompress(proof.c);
            if (ySecond == 0) return false;
            (x1, y1) = _addMul(x1, y1, xFirst, yFirst, coefficient);
            (x2, y2) = _addMul(x2, y2, xSecond, ySecond, coefficient);
            _addWires(sums, coefficient, signals, _challenges(xFirst, yFirst, signals));
        }
        (uint256 xAlpha, uint256 yAlpha) = _addMul(0, 0, NEG_ALPHA_X, NEG_ALPHA_Y, sums[0]);
        (uint256 xSum, uint256 ySum) = _batchSignals(sums);
        assembly ("memory-safe") {
            mstore(at, xAlpha)
            mstore(add(at, 0x20), yAlpha)
            mstore(add(at, 0xc0), xSum)
            mstore(add(at, 0xe0), ySum)
            mstore(add(at, 0x180), x1)
            mstore(add(at, 0x1a0), y1)
            mstore(add(at, 0x240), x2)
            mstore(add(at, 0x260), y2)
        }
        _pushKey(pairs, n * 0xc0);
        return _pairingIsOne(pairs);
    }

    function _pushProof(uint256 at, Proof calldata proof, uint256 coefficient) private view returns (uint256) {
        (uint256 x, uint256 y) = _addMul(0, 0, proof.a[0], proof.a[1], coefficient);
        assembly ("memory-safe") {
            mstore(at, x)
            mstore(add(at, 0x20), y)
            calldatacopy(add(at, 0x40), add(proof, 0x40), 0x80)
        }
        return at + 0xc0;
    }

    function _addWires(
        uint256[{{icLength}}] memory sums,
        uint256 coefficient,
        uint256[{{signals}}] calldata signals,
        uint256[{{challenges}}] memory challenges
    ) private pure {
        sums[0] = addmod(sums[0], coefficient, R);
        for (uint256 j = 0; j < {{signals}}; ++j) {
            sums[j + 1] = addmod(sums[j + 1], mulmod(coefficient, signals[j], R), R);
        }
        for (uint256 j = 0; j < {{challenges}}; ++j) {
            uint256 k = j + {{icOfChallenges}};
            sums[k] = addmod(sums[k], mulmod(coefficient, challenges[j], R), R);
        }
    }

    function _batchSignals(uint256[{{icLength}}] memory sums) private view returns (uint256 x, uint256 y) {
        (x, y) = _addMul(0, 0, IC0_X, IC0_Y, sums[0]);
{{icBatchSum}}
    }
}
`
