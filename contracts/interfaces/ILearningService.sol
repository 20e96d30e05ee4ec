// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceClock} from "./ILearningServiceClock.sol";
import {ILearningServiceKeys} from "./ILearningServiceKeys.sol";
import {ILearningServiceRegistration} from "./ILearningServiceRegistration.sol";
import {ILearningServiceRelay} from "./ILearningServiceRelay.sol";
import {ILearningServiceRounds} from "./ILearningServiceRounds.sol";
import {ILearningServiceViews} from "./ILearningServiceViews.sol";

/// @title One co-owned model and the machine of its rounds
/// @notice Keepers sit on up to 256 seats. An epoch has one collective key and a fixed set of members. It serves rounds until a
/// Training times out, its decryptions are used up, or too few members can be drafted. Every function first records the decisions
/// of the clock, then checks the state, then acts. A member's step is called by its operator key, or by an account that relays a
/// step that the operator signed.
///
/// A step names its round (or epoch), so that a transaction that arrives too late is refused and does not count for another round.
interface ILearningService is
    ILearningServiceViews,
    ILearningServiceRegistration,
    ILearningServiceKeys,
    ILearningServiceRounds,
    ILearningServiceRelay,
    ILearningServiceClock
{}
