// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceErrors} from "../interfaces/ILearningServiceErrors.sol";
import {ILearningServiceTypes} from "../interfaces/ILearningServiceTypes.sol";

/// @title Which parameters a service accepts
library ServiceParameters {
    uint256 internal constant MAX_WINDOW = 365 days;
    uint256 internal constant MAX_SEATS = 256;
    uint256 internal constant BPS = 10_000;
    /// @dev Two bit planes count strikes.
    uint256 internal constant MAX_STRIKES = 3;

    /// @dev Reverts with ParameterOutOfRange, naming the first parameter that is out of range, or StrategyWithoutCode.
    function check(ILearningServiceTypes.Parameters calldata p) internal view {
        _within("registrationWindow", p.registrationWindow, 1, MAX_WINDOW);
        _within("keyWindow", p.keyWindow, 1, MAX_WINDOW);
        _within("trainingWindow", p.trainingWindow, 1, MAX_WINDOW);
        _within("revealWindow", p.revealWindow, 1, MAX_WINDOW);
        _within("aggregateWindow", p.aggregateWindow, 1, MAX_WINDOW);
        _within("decryptWindow", p.decryptWindow, 1, MAX_WINDOW);
        _within("voteWindow", p.voteWindow, 1, MAX_WINDOW);
        // The sum of one update is that update.
        _within("minKeepers", p.minKeepers, 2, MAX_SEATS);
        _within("maxKeepers", p.maxKeepers, p.minKeepers, MAX_SEATS);
        // t = min(n, ⌊n·bps/10000⌋ + 1) > n/2
        _within("decryptionBps", p.decryptionBps, BPS / 2, BPS);
        _within("decryptionsPerEpoch", p.decryptionsPerEpoch, 1, type(uint16).max);
        _within("maxStrikes", p.maxStrikes, 1, MAX_STRIKES);
        _within("keyPenalty", p.keyPenalty, 0, p.bond);
        _within("decryptPenalty", p.decryptPenalty, 0, p.bond);
        if (p.strategy.code.length == 0) revert ILearningServiceErrors.StrategyWithoutCode(p.strategy);
    }

    function _within(bytes32 field, uint256 found, uint256 min, uint256 max) private pure {
        if (found < min || found > max) revert ILearningServiceErrors.ParameterOutOfRange(field, found, min, max);
    }
}
