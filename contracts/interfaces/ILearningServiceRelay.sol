// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceErrors} from "./ILearningServiceErrors.sol";
import {ILearningServiceEvents} from "./ILearningServiceEvents.sol";

/// @title Steps that operators sign and anyone sends
/// @notice An operator signs the call that it would otherwise send, and so needs no coins. A relayer sends the steps of many
/// members in one transaction and pays for it. At worst, the relayer withholds a step or sends it late; an operator that does not
/// see its step in time sends the step itself.
///
/// A signature holds for one chain, one service and one call. The call names its round or epoch, in which a member does each step
/// once, so a signature is spent when its step is done. Only the attestation can occur twice in a round: before and after a
/// dispute. So the signed data state which of the two it is.
interface ILearningServiceRelay is ILearningServiceEvents, ILearningServiceErrors {
    // ------------------------------------------------------------------------------------------------- events

    /// @notice The relayed step at `index` was refused and changed nothing. The other steps of its transaction are not affected.
    /// @param operator The signer. If the signature is not for this call, this can be any address.
    /// @param reason The revert data of the step.
    event StepRefused(uint256 indexed index, address indexed operator, bytes reason);

    // ------------------------------------------------------------------------------------------------- actions

    /// @notice Anyone. Runs the steps in order, each as if its signer had sent it. Skips refused steps; only too little gas
    /// reverts the whole transaction (RelayStarved).
    /// @param steps The steps, packed without gaps, because zeros cost gas, too. Each step is the operator's ECDSA signature of
    /// `stepDigest(call, …)` as r ‖ vs (64 bytes, ERC-2098), the length of the call (2 bytes, big-endian), and the call: the bytes
    /// that the operator would send to the service, ABI-encoded with the selector.
    /// @return done How many steps were accepted.
    function relay(bytes calldata steps) external returns (uint256 done);

    // ------------------------------------------------------------------------------------------------- views

    /// @notice EIP-712 digest that an operator signs: Step(bytes call,bool disputed), in the domain
    /// ("Cohort LearningService", "1", chain, this service).
    /// @param call A call of key generation (`commitKey`, `revealKey`, `confirmKey`, `complain`, `judge`), of a round
    /// (`commitUpdate`, `revealUpdate`, `attest`, `submitShare`, `vote`), or of a dispute (`dispute`, `submitCheck`).
    /// @param disputed For `attest`: `roundInfo().disputed`, which says whether the round has had its dispute. Otherwise false.
    function stepDigest(bytes calldata call, bool disputed) external view returns (bytes32);
}
