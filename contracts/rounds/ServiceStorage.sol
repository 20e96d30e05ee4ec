// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IKeeperRegistry} from "../interfaces/IKeeperRegistry.sol";
import {ILearningServiceErrors} from "../interfaces/ILearningServiceErrors.sol";
import {ILearningServiceEvents} from "../interfaces/ILearningServiceEvents.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {Head} from "./Head.sol";
import {KeyState} from "./KeyState.sol";
import {RoundState} from "./RoundState.sol";
import {SeatBook} from "./SeatBook.sol";
import {Standing} from "./Standing.sol";

/// @title The storage of a learning service, and the look-ups that every part needs
/// @dev A round uses only slots that later rounds overwrite; docs/round-machine.md shows the layout. The set of the current step
/// counts only while ACTED is set: before that, the slot still holds the set of an earlier round.
abstract contract ServiceStorage is ILearningServiceEvents, ILearningServiceErrors {
    uint256 internal constant MAX_CID = 64;

    IKeeperRegistry internal immutable REGISTRY;
    IModelRegistry internal immutable MODELS;

    Head internal _head;
    Parameters internal _parameters;
    Parameters internal _pending;
    bool internal _hasPending;
    Standing internal _standing;
    SeatBook internal _seats;
    RoundState internal _round;
    KeyState internal _key;

    /// @param registry Stake, penalties, rewards. @param models Where the DAO decides about versions.
    constructor(IKeeperRegistry registry, IModelRegistry models) {
        if (address(registry) == address(0)) revert ZeroAddress("registry");
        if (address(models) == address(0)) revert ZeroAddress("models");
        REGISTRY = registry;
        MODELS = models;
    }

    // ------------------------------------------------------------------------------------------------- the head

    /// @dev Number of updates that a round needs: a quorum, and never fewer than may be summed and decrypted.
    function _updateQuorum(Head memory h) internal view returns (uint256) {
        uint256 quorum = h.quorum();
        uint256 min = _parameters.minKeepers;
        return quorum > min ? quorum : min;
    }

    /// @dev Until when members may attest, in Unix seconds. From then on anybody may call for the draft.
    function _attestUntil(Head memory h) internal view returns (uint40) {
        return h.deadline - _parameters.aggregateWindow / 2;
    }

    /// @dev Hash of the latest earlier block whose number is `number` modulo 256; the chain knows the last 256 hashes. As long as
    /// the intended block is one of these, the result is that block's hash, so nobody can choose it by acting later.
    function _hashOfBlock(uint256 number) internal view returns (bytes32) {
        uint256 last = block.number - 1;
        return blockhash(last - ((last - (number & 0xff)) & 0xff));
    }

    // ------------------------------------------------------------------------------------------------- commitments

    function _keyCommitment(uint32 epoch, uint8 seat, bytes calldata cid, bytes32 salt) internal view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), epoch, seat, keccak256(cid), salt));
    }

    function _updateCommitment(
        uint32 round,
        uint8 seat,
        bytes calldata cid,
        uint64 size,
        uint40 samples,
        bytes32 salt
    ) internal view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), round, seat, keccak256(cid), size, samples, salt));
    }

    function _seal(
        uint32 round,
        uint8 seat,
        bytes32 aggregateHash,
        uint256 included,
        uint256 convicted
    ) internal view returns (bytes26) {
        return
            bytes26(
                keccak256(
                    abi.encode(block.chainid, address(this), round, seat, aggregateHash, included, convicted)
                )
            );
    }

    // ------------------------------------------------------------------------------------------------- parameters

    function _applyPending() internal {
        _parameters = _pending;
        _hasPending = false;
        emit ParametersApplied();
    }

    // ------------------------------------------------------------------------------------------------- checks

    /// @dev The operator that does this step: the sender, or, in a call that the service makes to itself, the signer whose
    /// address it has appended to the call.
    function _caller() internal view returns (address) {
        if (msg.sender != address(this)) return msg.sender;
        return address(bytes20(msg.data[msg.data.length - 20:]));
    }

    /// @dev The seat of the member for which the caller acts.
    function _callingMember(Head memory h) internal view returns (uint8) {
        return _seats.memberOf(_caller(), h.intake);
    }

    function _checkCid(bytes calldata cid) internal pure {
        if (cid.length == 0 || cid.length > MAX_CID) revert CidLength(cid.length, MAX_CID);
    }
}
