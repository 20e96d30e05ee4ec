// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IRewardStrategy} from "../../interfaces/IRewardStrategy.sol";

/// @title Rewards members in proportion to their declared training samples, up to a cap
/// @dev The cap bounds the gain from declaring too many: the chain cannot count anyone's samples.
contract SampleRewards is IRewardStrategy {
    /// @notice Samples above this number earn nothing more.
    uint40 public immutable CAP;

    error ZeroCap();

    /// @param cap_ 1 … 2^40 − 1.
    constructor(uint40 cap_) {
        if (cap_ == 0) revert ZeroCap();
        CAP = cap_;
    }

    /// @inheritdoc IRewardStrategy
    function sharesOf(uint40 samples) external view returns (uint40) {
        return samples < CAP ? samples : CAP;
    }
}
