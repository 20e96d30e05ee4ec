// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title How much of a round's reward one member's work is worth
/// @notice A LearningService asks its strategy once per member and round, when the member reveals its update. The reward
/// of the round is then split in proportion over the members that did every step of it.
/// @dev Must answer without state of the round: the answer is fixed at the reveal, before anyone can know the outcome.
interface IRewardStrategy {
    /// @notice Reward shares for an update declared to rest on `samples` training samples.
    /// @param samples Declared by the member, 0 … 2^40 − 1. The chain cannot check it.
    /// @return shares 0 … 2^40 − 1; 0 earns nothing. A larger answer would be refused by the ABI decoder.
    function sharesOf(uint40 samples) external view returns (uint40 shares);
}
