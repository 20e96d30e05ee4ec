// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceErrors} from "../interfaces/ILearningServiceErrors.sol";
import {IRewardStrategy} from "../interfaces/IRewardStrategy.sol";

/// @title Asks a reward strategy, and continues without an answer if it fails
/// @dev A strategy decides only about money, so no fault in it may stop a round. The call has bounded gas, and the service copies
/// only one word of the answer.
library RewardShares {
    /// @dev For one answer. The strategies that ship take a tenth of it.
    uint256 internal constant STRATEGY_GAS = 30_000;
    /// @dev Gas that must be left before the call: it passes on 63/64 (EIP-150), and nobody may choose a gas limit at which only
    /// the strategy fails.
    uint256 internal constant GAS_BEFORE = (STRATEGY_GAS * 64) / 63 + 5_000;
    /// @dev Everybody's share if the strategy does not answer; the reward is then split evenly.
    uint40 internal constant EQUAL = 1;
    /// @dev For each share from the strategy a member gets two, or three if it was drafted and posted: half as much again.
    uint40 internal constant MEMBER = 2;
    uint40 internal constant DRAFTED = 3;
    /// @dev Larger answers count as this one: three times as much must fit a uint40, and the sum of 256 members a uint48.
    uint40 internal constant MOST = type(uint40).max / DRAFTED;

    /// @return shares The strategy's answer, at most MOST; EQUAL when it reverts, runs out of gas or does not answer with a uint40.
    function ofUpdate(address strategy, uint40 samples) internal view returns (uint40 shares) {
        if (gasleft() < GAS_BEFORE) revert ILearningServiceErrors.GasTooLow(gasleft(), GAS_BEFORE);
        (bool answered, uint40 answer) = ask(strategy, samples);
        if (!answered) return EQUAL;
        return answer < MOST ? answer : MOST;
    }

    /// @return answered Whether it gave one word that is a uint40.
    function ask(address strategy, uint40 samples) internal view returns (bool answered, uint40 answer) {
        bytes memory input = abi.encodeCall(IRewardStrategy.sharesOf, (samples));
        uint256 word;
        assembly ("memory-safe") {
            answered := staticcall(STRATEGY_GAS, strategy, add(input, 0x20), mload(input), 0, 0x20)
            answered := and(answered, gt(returndatasize(), 0x1f))
            word := mload(0)
        }
        if (word > type(uint40).max) answered = false;
        answer = uint40(word);
    }
}
