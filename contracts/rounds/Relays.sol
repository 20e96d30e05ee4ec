// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceKeys} from "../interfaces/ILearningServiceKeys.sol";
import {ILearningServiceRelay} from "../interfaces/ILearningServiceRelay.sol";
import {ILearningServiceRounds} from "../interfaces/ILearningServiceRounds.sol";
import {DISPUTED} from "./Head.sol";
import {ServiceStorage} from "./ServiceStorage.sol";

/// @title Steps that operators sign and anyone sends
/// @dev The service calls itself with the signer's address appended to the call (the layout of ERC-2771); `_caller` trusts this
/// address only in a call from the service itself. Each step is a separate call, so that a refused step undoes its own effects and
/// nothing more. One transaction writes the slots that the members' steps share many times, which costs little after the first.
///
/// There is no nonce, because a used signature is refused as AlreadyDone, in any order and from any relayer. An unused one still
/// states what its signer wants, so a refused step can be sent again.
abstract contract Relays is ILearningServiceRelay, ServiceStorage {
    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant STEP_TYPE = keccak256("Step(bytes call,bool disputed)");
    bytes32 private constant NAME = keccak256("Cohort LearningService");
    bytes32 private constant VERSION = keccak256("1");
    /// @dev Number of bytes before a call: its signature and its length.
    uint256 private constant HEADER = 66;
    /// @dev Half of the order of secp256k1.
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @dev A step that failed and left less than this part of the gas has run out of gas: each call keeps back a 64th (EIP-150),
    /// and steps are at most five calls deep. Without this check, a wallet would estimate the least gas with which the transaction
    /// does not revert, and with that gas the steps fail.
    uint256 private constant STARVED = 8;

    /// @inheritdoc ILearningServiceRelay
    function relay(bytes calldata steps) external returns (uint256 done) {
        bytes32 domain = _domain();
        uint256 end;
        for (uint256 index = 0; end < steps.length; ++index) {
            bytes calldata call;
            (call, end) = _callAt(steps, end);
            bytes4 selector = bytes4(call);
            // Read again for each step, because an earlier step of this transaction may be the dispute.
            bool disputed = selector == ILearningServiceRounds.attest.selector && _head.flags & DISPUTED != 0;
            address signer = _signerOf(_digest(domain, call, disputed), call);
            uint256 before = gasleft();
            if (call.length >= 4 && _isStep(selector)) {
                if (_callSelf(call, signer)) {
                    ++done;
                    continue;
                }
                bytes memory reason = _returned();
                if (gasleft() < before / STARVED || bytes4(reason) == GasTooLow.selector) revert RelayStarved(index, before);
                emit StepRefused(index, signer, reason);
            } else {
                emit StepRefused(index, signer, abi.encodeWithSelector(NotAStep.selector, selector));
            }
        }
    }

    /// @inheritdoc ILearningServiceRelay
    function stepDigest(bytes calldata call, bool disputed) external view returns (bytes32) {
        return _digest(_domain(), call, disputed);
    }

    /// @dev Not an immutable, because it differs between clones.
    function _domain() private view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPE, NAME, VERSION, block.chainid, address(this)));
    }

    /// @dev The call of the step that starts at `start`, after its signature and length. @return end Where the step ends.
    function _callAt(bytes calldata steps, uint256 start) private pure returns (bytes calldata call, uint256 end) {
        assembly ("memory-safe") {
            call.offset := add(add(steps.offset, start), HEADER)
            call.length := shr(240, calldataload(sub(call.offset, 2)))
            end := add(add(start, HEADER), call.length)
        }
        if (end > steps.length) revert RelayCutShort(start, end, steps.length);
    }

    /// @dev The signer of the call that follows; the zero address, which never has a seat, if the signature is invalid.
    function _signerOf(bytes32 digest, bytes calldata call) private view returns (address signer) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            let vs := calldataload(sub(call.offset, 34))
            let s := and(vs, 0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff)
            mstore(free, digest)
            mstore(add(free, 0x20), add(27, shr(255, vs)))
            mstore(add(free, 0x40), calldataload(sub(call.offset, HEADER)))
            mstore(add(free, 0x60), s)
            mstore(0, 0)
            // ecrecover returns no data on failure. Accepts only one of the two mirrored signatures (EIP-2).
            if iszero(gt(s, HALF_ORDER)) {
                pop(staticcall(gas(), 1, free, 0x80, 0, 0x20))
            }
            signer := mload(0)
        }
    }

    /// @dev Like the functions below, places the bytes that it hashes or sends after all other memory, and leaves that memory free
    /// again. So a relay of hundreds of steps needs no more memory than its longest step.
    function _digest(bytes32 domain, bytes calldata call, bool disputed) private pure returns (bytes32 digest) {
        bytes32 stepType = STEP_TYPE;
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, call.offset, call.length)
            let hashed := keccak256(free, call.length)
            mstore(free, stepType)
            mstore(add(free, 0x20), hashed)
            mstore(add(free, 0x40), disputed)
            let step := keccak256(free, 0x60)
            mstore(free, hex"1901")
            mstore(add(free, 0x02), domain)
            mstore(add(free, 0x22), step)
            digest := keccak256(free, 0x42)
        }
    }

    /// @dev Calls this service with the call and the signer's address after it.
    function _callSelf(bytes calldata call, address signer) private returns (bool accepted) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, call.offset, call.length)
            mstore(add(free, call.length), shl(96, signer))
            accepted := call(gas(), address(), 0, free, add(call.length, 20), 0, 0)
        }
    }

    function _returned() private pure returns (bytes memory reason) {
        assembly ("memory-safe") {
            reason := mload(0x40)
            mstore(reason, returndatasize())
            returndatacopy(add(reason, 0x20), 0, returndatasize())
            mstore(0x40, and(add(add(reason, returndatasize()), 0x3f), not(0x1f)))
        }
    }

    /// @dev Whether the function is a step, which `_callingMember` guards. The service may call nothing else in its own name.
    function _isStep(bytes4 selector) private pure returns (bool) {
        return
            selector == ILearningServiceRounds.commitUpdate.selector ||
            selector == ILearningServiceRounds.commitStaleUpdate.selector ||
            selector == ILearningServiceRounds.revealUpdate.selector ||
            selector == ILearningServiceRounds.attest.selector ||
            selector == ILearningServiceRounds.submitShare.selector ||
            selector == ILearningServiceRounds.vote.selector ||
            selector == ILearningServiceRounds.dispute.selector ||
            selector == ILearningServiceRounds.submitCheck.selector ||
            selector == ILearningServiceKeys.commitKey.selector ||
            selector == ILearningServiceKeys.revealKey.selector ||
            selector == ILearningServiceKeys.confirmKey.selector ||
            selector == ILearningServiceKeys.complain.selector ||
            selector == ILearningServiceKeys.judge.selector;
    }
}
