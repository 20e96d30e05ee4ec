// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IERC721Receiver} from "@openzeppelin/contracts/token/ERC721/IERC721Receiver.sol";
import {ERC721Holder} from "@openzeppelin/contracts/token/ERC721/utils/ERC721Holder.sol";
import {ERC1155Holder} from "@openzeppelin/contracts/token/ERC1155/utils/ERC1155Holder.sol";
import {IAnnouncedSignatures} from "../interfaces/IAnnouncedSignatures.sol";
import {ISpendingGuard} from "../interfaces/ISpendingGuard.sol";

/// @dev The answers of a Safe (1.3 to 1.5) about its owners' signatures.
interface ISafeSignatures {
    function checkSignatures(bytes32 dataHash, bytes memory data, bytes memory signatures) external view;
    function signedMessages(bytes32 messageHash) external view returns (uint256);
    function domainSeparator() external view returns (bytes32);
}

/// @title Accepts a Safe's signatures only for messages that the Safe announced
/// @notice See IAnnouncedSignatures, which owns the documentation. Takes tokens as Safe's own handler does.
contract AnnouncedSignatures is IAnnouncedSignatures, ERC721Holder, ERC1155Holder {
    /// @notice First word of the preimage of an announcement.
    bytes32 public constant MESSAGE_DOMAIN = keccak256("cohort.spending-guard.message.v1");
    /// @dev keccak256("SafeMessage(bytes message)"), of every Safe.
    bytes32 private constant SAFE_MESSAGE_TYPEHASH = 0x60b3cbf8b4a223d68d641b3b6ddf9a298e7f33710cf3d3a9d1146b5a6150fbca;

    ISpendingGuard public immutable GUARD;

    constructor(ISpendingGuard guard) {
        if (address(guard) == address(0)) revert ZeroGuard();
        GUARD = guard;
    }

    /// @inheritdoc IERC1271
    /// @dev The Safe calls this, and it answers on the Safe's behalf.
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        bytes32 announcement = announcementFor(msg.sender, hash);
        (uint256 executableAt, ) = GUARD.announcementOf(msg.sender, announcement);
        if (executableAt == 0 || block.timestamp < executableAt) {
            revert MessageNotAnnounced(msg.sender, hash, announcement);
        }
        ISafeSignatures safe = ISafeSignatures(msg.sender);
        bytes32 structHash = keccak256(abi.encode(SAFE_MESSAGE_TYPEHASH, keccak256(abi.encode(hash))));
        bytes memory message = abi.encodePacked(bytes2(0x1901), safe.domainSeparator(), structHash);
        bytes32 messageHash = keccak256(message);
        if (signature.length != 0) safe.checkSignatures(messageHash, message, signature);
        else if (safe.signedMessages(messageHash) == 0) revert MessageNotSigned(msg.sender, messageHash);
        return IERC1271.isValidSignature.selector;
    }

    /// @inheritdoc IAnnouncedSignatures
    function announcementFor(address safe, bytes32 hash) public view returns (bytes32) {
        return keccak256(abi.encode(MESSAGE_DOMAIN, block.chainid, address(this), safe, hash));
    }

    /// @inheritdoc ERC1155Holder
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return
            interfaceId == type(IAnnouncedSignatures).interfaceId ||
            interfaceId == type(IERC1271).interfaceId ||
            interfaceId == type(IERC721Receiver).interfaceId ||
            super.supportsInterface(interfaceId);
    }
}
