// SPDX-License-Identifier: GPL-3.0-or-later
// The text of the Solidity verifier, in three parts with {{fields}} that solidity.ts fills. The generated text is MIT.
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

/** Header, constants of the key, and the hash that names the key. */
export const VERIFIER_PRELUDE = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title Groth16 verifier over BN254 for {{subject}}.
/// @notice Written by \`cohort zkml export-verifier\`; do not edit.
{{notice}}
contract {{name}} {
${PROOF_POINTS}
        uint256[2] c;
    }

${BATCH_ERROR_AND_SETUP}

${FIELDS_AND_KEY_HASH}

    // The verification key, α, γ and δ negated.
{{constants}}

    /// @notice keccak256 of the words of alpha, beta, gamma, delta and IC, computed from what the code really uses.
    function vkHash() external pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore(m, NEG_ALPHA_X)
            mstore(add(m, 0x20), mod(sub(Q, NEG_ALPHA_Y), Q))
            mstore(add(m, 0x40), BETA_X_IM)
            mstore(add(m, 0x60), BETA_X_RE)
            mstore(add(m, 0x80), BETA_Y_IM)
            mstore(add(m, 0xa0), BETA_Y_RE)
            mstore(add(m, 0xc0), NEG_GAMMA_X_IM)
            mstore(add(m, 0xe0), NEG_GAMMA_X_RE)
            mstore(add(m, 0x100), mod(sub(Q, NEG_GAMMA_Y_IM), Q))
            mstore(add(m, 0x120), mod(sub(Q, NEG_GAMMA_Y_RE), Q))
            mstore(add(m, 0x140), NEG_DELTA_X_IM)
            mstore(add(m, 0x160), NEG_DELTA_X_RE)
            mstore(add(m, 0x180), mod(sub(Q, NEG_DELTA_Y_IM), Q))
            mstore(add(m, 0x1a0), mod(sub(Q, NEG_DELTA_Y_RE), Q))
{{icWords}}
            hash := keccak256(m, {{hashBytes}})
        }
    }
`

/** One proof: e(A, B) · e(−α, β) · e(Σ, −γ) · e(C, −δ) = 1. */
export const VERIFIER_SINGLE = `    /// @notice Whether the proof holds for the public signals.
    /// @dev Returns false for signals ≥ r, coordinates ≥ q and points that are not on the curve. Both range checks matter:
    /// a signal s and s + r, or a coordinate y and y + q, would otherwise be two encodings of one statement. Proofs can
    /// be re-randomised by anyone, so never key a replay check on their bytes.
    function verifyProof(
${PROOF_AND_SIGNALS}
    ) external view returns (bool) {
        if (!_wellFormed(a, b, c) || !_inScalarField(publicSignals)) return false;
        (uint256 x, uint256 y) = (IC0_X, IC0_Y);
{{icSum}}
        bytes memory pairs = new bytes(4 * 0xc0);
        uint256 at;
        assembly ("memory-safe") {
            at := add(pairs, 0x20)
            calldatacopy(at, a, 0x40)
            calldatacopy(add(at, 0x40), b, 0x80)
        }
        at = _pushKeyPairs(at + 0xc0, [NEG_ALPHA_X, NEG_ALPHA_Y, x, y, c[0], c[1]]);
        return _pairingIsOne(pairs);
    }

    function _inScalarField(uint256[{{signals}}] calldata signals) private pure returns (bool) {
        for (uint256 i = 0; i < {{signals}}; ++i) {
            if (signals[i] >= R) return false;
        }
        return true;
    }

    /// @dev Coordinates below q, and each point on its curve (or at infinity). That B is in the right subgroup is checked by
    /// the pairing precompile; points off the curve would make it burn all the gas it was given.
    function _wellFormed(uint256[2] calldata a, uint256[2][2] calldata b, uint256[2] calldata c)
        private
        pure
        returns (bool)
    {
        return _onCurve(a[0], a[1]) && _onCurve(c[0], c[1]) && _onTwist(b[0][1], b[0][0], b[1][1], b[1][0]);
    }

    /// @dev y² = x³ + 3, or (0, 0), which stands for the point at infinity.
    function _onCurve(uint256 x, uint256 y) private pure returns (bool) {
        if (x >= Q || y >= Q) return false;
        if (x == 0 && y == 0) return true;
        return mulmod(y, y, Q) == addmod(mulmod(mulmod(x, x, Q), x, Q), 3, Q);
    }

    /// @dev y² = x³ + 3/(9 + i) over the quadratic extension with i² = −1, or zero. (re, im) of x, then of y.
    function _onTwist(uint256 xr, uint256 xi, uint256 yr, uint256 yi) private pure returns (bool) {
        if (xr >= Q || xi >= Q || yr >= Q || yi >= Q) return false;
        if ((xr | xi | yr | yi) == 0) return true;
        uint256 sr = addmod(mulmod(xr, xr, Q), Q - mulmod(xi, xi, Q), Q);
        uint256 si = mulmod(2, mulmod(xr, xi, Q), Q);
        uint256 cr = addmod(mulmod(sr, xr, Q), Q - mulmod(si, xi, Q), Q);
        uint256 ci = addmod(mulmod(sr, xi, Q), mulmod(si, xr, Q), Q);
        cr = addmod(cr, ${TWIST_B.re}, Q);
        ci = addmod(ci, ${TWIST_B.im}, Q);
        return addmod(mulmod(yr, yr, Q), Q - mulmod(yi, yi, Q), Q) == cr && mulmod(2, mulmod(yr, yi, Q), Q) == ci;
    }

    /// @dev Writes (points[0..1], β), (points[2..3], −γ), (points[4..5], −δ) at \`at\`; returns the address behind them.
    function _pushKeyPairs(uint256 at, uint256[6] memory points) private pure returns (uint256) {
        assembly ("memory-safe") {
            mcopy(at, points, 0x40)
            mstore(add(at, 0x40), BETA_X_IM)
            mstore(add(at, 0x60), BETA_X_RE)
            mstore(add(at, 0x80), BETA_Y_IM)
            mstore(add(at, 0xa0), BETA_Y_RE)
            at := add(at, 0xc0)
            mcopy(at, add(points, 0x40), 0x40)
            mstore(add(at, 0x40), NEG_GAMMA_X_IM)
            mstore(add(at, 0x60), NEG_GAMMA_X_RE)
            mstore(add(at, 0x80), NEG_GAMMA_Y_IM)
            mstore(add(at, 0xa0), NEG_GAMMA_Y_RE)
            at := add(at, 0xc0)
            mcopy(at, add(points, 0x80), 0x40)
            mstore(add(at, 0x40), NEG_DELTA_X_IM)
            mstore(add(at, 0x60), NEG_DELTA_X_RE)
            mstore(add(at, 0x80), NEG_DELTA_Y_IM)
            mstore(add(at, 0xa0), NEG_DELTA_Y_RE)
        }
        return at + 0xc0;
    }

${PRECOMPILES}`

/** Many proofs under one key: their equations, each raised to a coefficient nobody could choose, multiplied. */
export const VERIFIER_BATCH = `    /// @notice Whether all proofs hold, row i of the signals belonging to proof i; much cheaper for each than alone.
    /// @dev A random linear combination: with coefficients of 128 bits hashed from the key and the whole calldata (proofs and
    /// signals), a batch that holds a false proof passes with probability 2^-128 for each hash that a forger tries. One
    /// bad proof fails the batch.
${BATCH_PARAMETERS}
        bytes memory pairs = new bytes((n + 3) * 0xc0);
        uint256 at;
        assembly ("memory-safe") {
            at := add(pairs, 0x20)
        }
        uint256[{{signals}}] memory sums;
        uint256 total = 0;
        uint256[6] memory points;
        for (uint256 i = 0; i < n; ++i) {
${PROOF_AND_ROW}
            if (!_wellFormed(proof.a, proof.b, proof.c) || !_inScalarField(signals)) return false;
${BATCH_COEFFICIENT}
            (uint256 x, uint256 y) = _addMul(0, 0, proof.a[0], proof.a[1], coefficient);
            assembly ("memory-safe") {
                mstore(at, x)
                mstore(add(at, 0x20), y)
                calldatacopy(add(at, 0x40), add(proof, 0x40), 0x80)
                at := add(at, 0xc0)
            }
            (points[4], points[5]) = _addMul(points[4], points[5], proof.c[0], proof.c[1], coefficient);
            total = addmod(total, coefficient, R);
            for (uint256 j = 0; j < {{signals}}; ++j) {
                sums[j] = addmod(sums[j], mulmod(coefficient, signals[j], R), R);
            }
        }
        (points[0], points[1]) = _addMul(0, 0, NEG_ALPHA_X, NEG_ALPHA_Y, total);
        (points[2], points[3]) = _batchSignals(total, sums);
        _pushKeyPairs(at, points);
        return _pairingIsOne(pairs);
    }

    function _batchSignals(uint256 total, uint256[{{signals}}] memory sums) private view returns (uint256 x, uint256 y) {
        (x, y) = _addMul(0, 0, IC0_X, IC0_Y, total);
{{icBatchSum}}
    }
}
`
