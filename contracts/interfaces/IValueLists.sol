// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Groth16Proof} from "./IGroth16Verifier.sol";

/// @dev What the registry of lists stores, and its errors.
interface IValueListsTypes {
    error UnknownList(uint64 listId, uint64 count);
    error NotListKeeper(uint64 listId, address found, address expected);
    error NotPendingKeeper(uint64 listId, address found, address expected);
    error NameLength(uint256 found, uint256 max);
    error SignalOutOfField(uint256 found);
    error InvalidChange(uint64 listId, uint256 value, uint256 index);
    /// @notice The list never had this root.
    error UnknownRoot(uint64 listId, uint256 root);
    /// @notice The list had this root, but replaced it more than `maxAge` seconds ago.
    error StaleRoot(uint64 listId, uint256 root, uint64 replacedAt, uint64 maxAge);

    struct List {
        address keeper;
        address pendingKeeper;
        /// Number of values.
        uint64 size;
        /// Unix seconds of the last change.
        uint64 changedAt;
        uint256 root;
        string name;
    }
}

/// @title Lists of values, each as the root of a tree whose every change is proven
/// @notice Anyone may open a list, and then keeps it; each consumer decides which lists it follows, by id. A value is a number from 1
/// to 2^248 - 1 that stands for a document or a credential. Events carry the values, so that anybody can rebuild the tree and prove
/// that a value is not in it (circuits/lib/interval_list.circom).
/// @dev The keeper decides what is in its list, and can do nothing else: every root follows from the empty list by proven insertions
/// and removals.
interface IValueLists is IValueListsTypes {
    event ListOpened(uint64 indexed listId, address indexed keeper, string name);
    event KeepingOffered(uint64 indexed listId, address indexed from, address indexed to);
    event KeepingTaken(uint64 indexed listId, address indexed from, address indexed to);
    /// @param index The leaf that holds the value.
    event ValueAdded(uint64 indexed listId, uint256 indexed value, uint256 index, uint256 root);
    event ValueRemoved(uint64 indexed listId, uint256 indexed value, uint256 index, uint256 root);

    /// @param name 1 … 64 bytes, for people; neither unique nor verified.
    function openList(string calldata name) external returns (uint64 listId);

    /// @notice First step of handing a list over: offers it to `to`. The zero address withdraws the offer.
    function offerKeeping(uint64 listId, address to) external;

    function takeKeeping(uint64 listId) external;

    /// @notice Adds a value.
    /// @param index A free leaf. @param root The list's next root.
    /// @param proof Shows that `root` follows from the present root. Public signals: [present root, root, value, index].
    function add(uint64 listId, uint256 value, uint256 index, uint256 root, Groth16Proof calldata proof) external;

    /// @notice Removes a value.
    /// @param root The list's next root.
    /// @param proof Shows that adding the value to `root` gives the present root. Public signals: [root, present root, value, index].
    function remove(uint64 listId, uint256 value, uint256 index, uint256 root, Groth16Proof calldata proof) external;

    /// @notice Reverts unless `root` is the list's root, or was replaced at most `maxAge` seconds ago. So a proof made before a
    /// change can arrive after it.
    function requireRecent(uint64 listId, uint256 root, uint64 maxAge) external view;

    function listOf(uint64 listId) external view returns (List memory);

    function listCount() external view returns (uint64);
}
