// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ISpendingGuardTypes} from "../interfaces/ISpendingGuard.sol";
import {Operation} from "../interfaces/ISafeGuards.sol";

/// @title Reads from calldata what a transaction moves, and computes its features for a fraud model
/// @dev All functions are pure. They fail closed: an unreadable call of a guarded token counts as above every limit.
library SpendFeatures {
    /// @notice What a transaction moves. `moves` is false when it moves nothing that is guarded.
    struct Reading {
        bool moves;
        /// Needs a verdict or an announcement, whatever the amount.
        bool forced;
        ISpendingGuardTypes.SpendClass class;
        /// Zero address for the native asset.
        address asset;
        address recipient;
        uint256 amount;
    }

    /// @notice What the guard knows about account, asset and recipient when it asks the model.
    struct Past {
        uint256 limit;
        uint256 spent;
        uint256 count;
        /// Seconds since the account's last spend; the maximum for none yet.
        uint256 idle;
        uint256 paidBefore;
    }

    /// @notice Precedes the features in the committed bytes; not a feature itself.
    bytes8 internal constant FEATURES_TAG = "spend.v1";
    uint256 private constant FIVE_BITS = 31;
    uint256 private constant FOUR_BITS = 15;
    /// @dev Resolution of amounts: the 256th part of a limit has bit length 1.
    uint256 private constant LIMIT_PARTS = 256;

    bytes4 private constant TRANSFER = bytes4(keccak256("transfer(address,uint256)"));
    bytes4 private constant TRANSFER_FROM = bytes4(keccak256("transferFrom(address,address,uint256)"));
    bytes4 private constant APPROVE = bytes4(keccak256("approve(address,uint256)"));
    bytes4 private constant INCREASE_ALLOWANCE = bytes4(keccak256("increaseAllowance(address,uint256)"));

    /// @param guardedToken Whether `to` is a token that the account guards.
    function read(
        address account,
        address to,
        uint256 value,
        bytes memory data,
        Operation operation,
        bool guardedToken
    ) internal pure returns (Reading memory reading) {
        (reading.recipient, reading.amount) = (to, value);
        if (operation == Operation.DelegateCall) {
            return _forced(reading, ISpendingGuardTypes.SpendClass.DelegateCall);
        }
        if (guardedToken) return _readToken(reading, account, data);
        if (to == account && data.length != 0) return _forced(reading, ISpendingGuardTypes.SpendClass.SelfCall);
        reading.moves = value != 0 && to != account;
        reading.class = data.length == 0
            ? ISpendingGuardTypes.SpendClass.Native
            : ISpendingGuardTypes.SpendClass.NativeWithData;
    }

    /// @notice Tag and features, sixteen bytes.
    function encode(
        Reading memory reading,
        Past memory past,
        ISpendingGuardTypes.Origin origin
    ) internal view returns (bytes memory) {
        return
            abi.encodePacked(
                FEATURES_TAG,
                _size(reading.amount, past.limit),
                _size(past.spent, past.limit),
                uint8(Math.min(past.count, FIVE_BITS)),
                _age(past.idle),
                uint8(Math.min(past.paidBefore, FOUR_BITS)),
                uint8(reading.recipient.code.length == 0 ? 0 : 1),
                uint8(reading.class),
                uint8(origin)
            );
    }

    /// @notice The input commitment of a circuit that hashes its input bytes: 248 bits of SHA-256.
    function commit(bytes memory features) internal pure returns (bytes32) {
        return sha256(features) >> 8;
    }

    function _forced(
        Reading memory reading,
        ISpendingGuardTypes.SpendClass class
    ) private pure returns (Reading memory) {
        (reading.moves, reading.forced, reading.class) = (true, true, class);
        return reading;
    }

    /// @dev A call of a guarded token. The functions below are not meant to receive value.
    function _readToken(
        Reading memory reading,
        address account,
        bytes memory data
    ) private pure returns (Reading memory) {
        address token = reading.recipient;
        bytes4 selector = bytes4(data);
        bool approval = selector == APPROVE || selector == INCREASE_ALLOWANCE;
        bool known = approval || selector == TRANSFER;
        uint256 start = 4;
        if (selector == TRANSFER_FROM) {
            known = true;
            start = 36;
            reading.class = ISpendingGuardTypes.SpendClass.TokenTransferFrom;
        } else {
            reading.class = approval
                ? ISpendingGuardTypes.SpendClass.TokenApproval
                : ISpendingGuardTypes.SpendClass.TokenTransfer;
        }
        uint256 from = start == 4 ? uint256(uint160(account)) : _word(data, 4);
        uint256 recipient = _word(data, start);
        bool clean = recipient <= type(uint160).max && from <= type(uint160).max;
        if (!known || !clean || data.length < start + 64 || reading.amount != 0) {
            return _forced(reading, ISpendingGuardTypes.SpendClass.TokenUnknown);
        }
        reading.asset = token;
        reading.recipient = address(uint160(recipient));
        reading.amount = _word(data, start + 32);
        // Another account's tokens, moved with an allowance, are not this account's money.
        reading.moves = reading.amount != 0 && from == uint256(uint160(account));
        return reading;
    }

    /// @dev The word at `offset`. Beyond the end it has zeros or the memory that follows; the caller's length check excludes this
    /// case.
    function _word(bytes memory data, uint256 offset) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(data, 0x20), offset))
        }
    }

    /// @dev Bit length of 256 · amount / limit, at most 31; a limit of 0 counts as 1.
    function _size(uint256 amount, uint256 limit) private pure returns (uint8) {
        if (amount > type(uint240).max) return uint8(FIVE_BITS);
        return uint8(Math.min(_bitLength((amount * LIMIT_PARTS) / Math.max(limit, 1)), FIVE_BITS));
    }

    function _age(uint256 idle) private pure returns (uint8) {
        if (idle == type(uint256).max) return uint8(FIVE_BITS);
        return uint8(_bitLength(idle / 1 minutes));
    }

    function _bitLength(uint256 number) private pure returns (uint256) {
        return number == 0 ? 0 : Math.log2(number) + 1;
    }
}
