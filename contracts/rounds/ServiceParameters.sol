// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceErrors} from "../interfaces/ILearningServiceErrors.sol";
import {ILearningServiceTypes} from "../interfaces/ILearningServiceTypes.sol";
import {RewardShares} from "./RewardShares.sol";

/// @title Checks the parameters of a service
library ServiceParameters {
    uint256 internal constant MAX_WINDOW = 365 days;
    uint256 internal constant MAX_SEATS = 256;
    /// @dev The number of seats that the transaction which ends an epoch can vacate. So the draw of the next members never waits for a
    /// seat.
    uint256 internal constant MAX_ONE_EPOCH_SEATS = 64;
    /// @dev t = ⌊n·bps/10000⌋ + 1 lies between ⌊n/2⌋ + 1 (no two disjoint sets can decrypt) and ⌈2n/3⌉ (a third of the
    /// members cannot stop a decryption by silence).
    uint256 internal constant MIN_BPS = 5_000;
    uint256 internal constant MAX_BPS = 6_666;
    /// @dev With at least two, one missed round does not cost a seat.
    uint256 internal constant MIN_STRIKES = 2;
    /// @dev Strikes are counted in two bit planes.
    uint256 internal constant MAX_STRIKES = 3;
    /// @dev Standing keeps deliveries of eight rounds.
    uint256 internal constant MAX_STALENESS = 7;

    /// @dev Reverts with ParameterOutOfRange for the first parameter that is out of range, or with StrategyWithoutCode or
    /// StrategyBroken.
    function check(ILearningServiceTypes.Parameters calldata p) internal view {
        _within("registrationWindow", p.registrationWindow, 1, MAX_WINDOW);
        _within("keyWindow", p.keyWindow, 1, MAX_WINDOW);
        _within("trainingWindow", p.trainingWindow, 1, MAX_WINDOW);
        _within("revealWindow", p.revealWindow, 1, MAX_WINDOW);
        _within("aggregateWindow", p.aggregateWindow, 1, MAX_WINDOW);
        _within("decryptWindow", p.decryptWindow, 1, MAX_WINDOW);
        _within("voteWindow", p.voteWindow, 1, MAX_WINDOW);
        // The sum of a single update would reveal that update.
        _within("minKeepers", p.minKeepers, 2, MAX_SEATS);
        _within("maxKeepers", p.maxKeepers, p.minKeepers, p.oneEpochSeats ? MAX_ONE_EPOCH_SEATS : MAX_SEATS);
        _within("decryptionBps", p.decryptionBps, MIN_BPS, MAX_BPS);
        _within("maxStrikes", p.maxStrikes, MIN_STRIKES, MAX_STRIKES);
        bool buffered = p.buffer != 0;
        _within("buffer", p.buffer, buffered ? p.minKeepers : 0, p.maxKeepers);
        _within("maxStaleness", p.maxStaleness, buffered ? 1 : 0, buffered ? MAX_STALENESS : 0);
        // With a buffer, a newcomer may miss as many rounds as an update may be behind before silence costs a strike, and with
        // one-epoch seats strikes end with the epoch. In a shorter epoch, nobody would ever lose a seat for silence.
        uint256 patience = buffered && p.oneEpochSeats ? uint256(p.maxStaleness) + p.maxStrikes : 1;
        _within("decryptionsPerEpoch", p.decryptionsPerEpoch, patience, type(uint16).max);
        _within("keyPenalty", p.keyPenalty, 0, p.bond);
        _within("decryptPenalty", p.decryptPenalty, 0, p.bond);
        _within("fraudPenalty", p.fraudPenalty, 0, p.bond);
        bool open = p.admission == address(0);
        if (!open && p.admission.code.length == 0) revert ILearningServiceErrors.AdmissionWithoutCode(p.admission);
        _within("partySeats", p.partySeats, open ? 0 : 1, open ? 0 : MAX_SEATS);
        if (p.strategy.code.length == 0) revert ILearningServiceErrors.StrategyWithoutCode(p.strategy);
        (bool answered, ) = RewardShares.ask(p.strategy, 1);
        if (!answered) revert ILearningServiceErrors.StrategyBroken(p.strategy);
    }

    function _within(bytes32 field, uint256 found, uint256 min, uint256 max) private pure {
        if (found < min || found > max) revert ILearningServiceErrors.ParameterOutOfRange(field, found, min, max);
    }
}
