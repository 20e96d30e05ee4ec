// SPDX-License-Identifier: GPL-3.0-or-later
// What the Solidity verifiers of both proof systems say alike, word for word, with the same {{fields}}. The generated text is MIT.

/** Curve arithmetic by precompiles. */
export const PRECOMPILES = `    /// @dev (x, y) + s·(px, py), by EIP-196. All points are known to be on the curve, so neither call can fail for its input.
    function _addMul(uint256 x, uint256 y, uint256 px, uint256 py, uint256 s) private view returns (uint256, uint256) {
        assembly ("memory-safe") {
            let m := mload(0x40)
            mstore(m, px)
            mstore(add(m, 0x20), py)
            mstore(add(m, 0x40), s)
            let ok := staticcall(gas(), 7, m, 0x60, m, 0x40)
            mstore(add(m, 0x40), x)
            mstore(add(m, 0x60), y)
            ok := and(ok, staticcall(gas(), 6, m, 0x80, m, 0x40))
            // Only a chain without the precompile, or too little gas, comes here.
            if iszero(and(ok, eq(returndatasize(), 0x40))) { revert(0, 0) }
            x := mload(m)
            y := mload(add(m, 0x20))
        }
        return (x, y);
    }

    /// @dev EIP-197. False too when the precompile refuses a point outside the subgroup; it is then left twice its price
    /// (EIP-1108) at most, so that a forged proof cannot burn all of the caller's gas. Reverts when 63/64 of the gas left (EIP-150)
    /// is below the price: "false" would then be said of a true proof.
    function _pairingIsOne(bytes memory pairs) private view returns (bool ok) {
        assembly ("memory-safe") {
            let price := add(45000, mul(34000, div(mload(pairs), 0xc0)))
            if lt(gas(), add(add(price, div(price, 63)), 1000)) { revert(0, 0) }
            let limit := mul(2, price)
            ok := staticcall(limit, 8, add(pairs, 0x20), mload(pairs), 0x00, 0x20)
            ok := and(and(ok, eq(returndatasize(), 0x20)), eq(mload(0x00), 1))
        }
    }
`

/** The first two points of a proof; the third is the proof system's own. */
export const PROOF_POINTS = `    struct Proof {
        uint256[2] a;
        /// Each coordinate as [imaginary, real], the order of EIP-197.
        uint256[2][2] b;`

/** The error of a batch, and how the key was made. */
export const BATCH_ERROR_AND_SETUP = `    /// @notice A batch must hold as many proofs as rows of public signals, and at least one.
    error BatchLengthMismatch(uint256 proofs, uint256 signals);

    /// @notice How the key was made ("{{setupName}}"), as IVerifierRegistry.SetupKind numbers it.
    uint8 public constant SETUP_KIND = {{setupKind}};`

/** Both fields, and the hash of the key. */
export const FIELDS_AND_KEY_HASH = `    /// Field of the coordinates, and order of the groups (the field of the signals).
    uint256 private constant Q = {{q}};
    uint256 private constant R = {{r}};

    /// What \`vkHash()\` gives.
    bytes32 private constant KEY_HASH = {{vkHash}};`

/** The parameters of `verifyProof`. */
export const PROOF_AND_SIGNALS = `        uint256[2] calldata a,
        uint256[2][2] calldata b,
        uint256[2] calldata c,
        uint256[{{signals}}] calldata publicSignals`

/** The parameters of `verifyBatch`, and the seed of its coefficients. */
export const BATCH_PARAMETERS = `    function verifyBatch(Proof[] calldata proofs, uint256[{{signals}}][] calldata publicSignals)
        external
        view
        returns (bool)
    {
        uint256 n = proofs.length;
        if (n == 0 || n != publicSignals.length) revert BatchLengthMismatch(n, publicSignals.length);
        bytes32 seed = keccak256(abi.encode(KEY_HASH, msg.data));`

/** The coefficient of proof i. */
export const BATCH_COEFFICIENT = `            uint256 coefficient = uint256(keccak256(abi.encode(seed, i))) >> 128;`

/** Proof i of a batch, with its row of signals. */
export const PROOF_AND_ROW = `            Proof calldata proof = proofs[i];
            uint256[{{signals}}] calldata signals = publicSignals[i];`

/** 3/(9 + i), the constant of the twist's equation y² = x³ + b. */
export const TWIST_B = {
  re: '0x2b149d40ceb8aaae81be18991be06ac3b5b4c5e559dbefa33267e6dc24a138e5',
  im: '0x009713b03af0fed4cd2cafadeed8fdf4a74fa084e52d1852e4a2bd0685c315d2',
}
