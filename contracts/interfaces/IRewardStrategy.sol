// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Decides how much of a round's reward one member's work is worth
/// @notice A LearningService asks its strategy once per member and round, when the member reveals its update. The
/// round's reward is then split, in proportion to the answers, among the members that did every step.
/// @dev The answer must not depend on the state of the round: it is fixed at the reveal, before anyone can know the
/// outcome.
interface IRewardStrategy {
    /// @notice Reward shares for an update declared to rest on `samples` training samples.
    /// @param samples Declared by the member, 0 … 2^40 − 1. The chain cannot check it.
    /// @return shares 0 … 2^40 − 1; 0 earns nothing. The ABI decoder refuses a larger answer.
    function sharesOf(uint40 samples) external view returns (uint40 shares);
}
