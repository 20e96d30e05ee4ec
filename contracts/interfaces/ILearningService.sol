// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceClock} from "./ILearningServiceClock.sol";
import {ILearningServiceKeys} from "./ILearningServiceKeys.sol";
import {ILearningServiceRegistration} from "./ILearningServiceRegistration.sol";
import {ILearningServiceRelay} from "./ILearningServiceRelay.sol";
import {ILearningServiceRounds} from "./ILearningServiceRounds.sol";
import {ILearningServiceViews} from "./ILearningServiceViews.sol";

/// @title One co-owned model and the machine of its rounds
/// @notice Keepers sit on up to 256 seats. An epoch is one collective key over a fixed set of members; it serves rounds until it
/// times out, its decryptions are used up, or too few members can be drafted. Every function first settles the decisions of the
/// clock, then checks the state, then acts. The caller of a member's step is its operator key, or an account that relays its signed
/// step.
///
/// A step names its round (or epoch), so that a transaction that arrives too late is refused instead of counting for another.
interface ILearningService is
    ILearningServiceViews,
    ILearningServiceRegistration,
    ILearningServiceKeys,
    ILearningServiceRounds,
    ILearningServiceRelay,
    ILearningServiceClock
{}
