// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title BN254, the curve of every proof here (EIP-196, EIP-197)
library Bn254 {
    /// @notice Order of its groups. Public signals, commitments and outputs must be below it.
    uint256 internal constant SCALAR_ORDER =
        21888242871839275222246405745257275088548364400416034343698204186575808495617;
}
