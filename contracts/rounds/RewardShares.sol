// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceErrors} from "../interfaces/ILearningServiceErrors.sol";
import {IRewardStrategy} from "../interfaces/IRewardStrategy.sol";

/// @title Asks a reward strategy, and goes on without an answer if the strategy fails
/// @dev A strategy only decides about money, so a fault in it must not stop a round. The call has bounded gas, and the service
/// copies only one word of the answer.
library RewardShares {
    /// @dev Gas for one answer. The strategies in this repository need a tenth of it.
    uint256 internal constant STRATEGY_GAS = 30_000;
    /// @dev Gas that must be left before the call. The call passes on 63/64 of it (EIP-150), and nobody should be able to choose a
    /// gas limit at which only the strategy fails.
    uint256 internal constant GAS_BEFORE = (STRATEGY_GAS * 64) / 63 + 5_000;
    /// @dev Every member's share if the strategy does not answer. The reward is then split evenly.
    uint40 internal constant EQUAL = 1;
    /// @dev For each share from the strategy, a member gets two, or three (half as much again) if it was drafted and posted its
    /// decryption share.
    uint40 internal constant MEMBER = 2;
    uint40 internal constant DRAFTED = 3;
    /// @dev Larger answers count as this one, because three times it must fit a uint40, and the sum over 256 members a uint48.
    uint40 internal constant MOST = type(uint40).max / DRAFTED;

    /// @return shares The strategy's answer, at most MOST; EQUAL if it reverts, runs out of gas or does not return a uint40.
    function ofUpdate(address strategy, uint40 samples) internal view returns (uint40 shares) {
        if (gasleft() < GAS_BEFORE) revert ILearningServiceErrors.GasTooLow(gasleft(), GAS_BEFORE);
        (bool answered, uint40 answer) = ask(strategy, samples);
        if (!answered) return EQUAL;
        return answer < MOST ? answer : MOST;
    }

    /// @return answered Whether the strategy returned one word that is a uint40.
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
