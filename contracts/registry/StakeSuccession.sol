// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IKeeperRegistry} from "../interfaces/IKeeperRegistry.sol";
import {IStakeSuccession} from "../interfaces/IStakeSuccession.sol";
import {KeeperLedger} from "./KeeperLedger.sol";

/// @title Lets stake follow to a registry's successor
/// @notice See IStakeSuccession, which owns the documentation.
abstract contract StakeSuccession is IStakeSuccession, KeeperLedger, AccessControl {
    using SafeERC20 for IERC20;

    /// @inheritdoc IStakeSuccession
    address public stakeSuccessor;

    /// @inheritdoc IStakeSuccession
    function nameStakeSuccessor(address successor) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (successor != address(0)) {
            bool fits = successor != address(this) &&
                successor.code.length > 0 &&
                IKeeperRegistry(successor).stakeToken() == address(_token);
            if (!fits) revert StakeSuccessorInvalid(successor);
        }
        emit StakeSuccessorNamed(stakeSuccessor, successor);
        stakeSuccessor = successor;
    }

    /// @inheritdoc IStakeSuccession
    function followSuccessor(address successor, uint256 amount) external {
        address named = stakeSuccessor;
        if (named == address(0)) revert NoStakeSuccessor();
        if (successor != named) revert AnotherSuccessor(successor, named);
        Account storage account = _account(msg.sender);
        if (amount == 0) revert ZeroAmount();
        if (account.jailedUntil != 0) revert KeeperJailed(msg.sender, account.jailedUntil);
        if (block.timestamp < account.tailsEnd) {
            revert StillSlashable(msg.sender, account.tailsEnd, block.timestamp);
        }
        uint256 free = _freeStake(account);
        if (amount > free) revert InsufficientFreeStake(msg.sender, free, amount);
        account.stake -= uint128(amount);
        _accounted -= amount;
        _moveVotes(msg.sender, amount, false);
        emit StakeMoved(msg.sender, successor, amount);
        _handOver(successor, amount);
    }

    /// @inheritdoc IStakeSuccession
    function movableStake(address owner) external view returns (uint256) {
        Account storage account = _account(owner);
        if (account.jailedUntil != 0 || block.timestamp < account.tailsEnd) return 0;
        return _freeStake(account);
    }

    /// @dev The successor pulls the tokens, as from anyone who stakes for a keeper. The checks below ensure that it credits them
    /// correctly.
    function _handOver(address successor, uint256 amount) private {
        uint256 held = _token.balanceOf(address(this));
        uint256 before = IKeeperRegistry(successor).keeperOf(msg.sender).stake;
        _token.forceApprove(successor, amount);
        IKeeperRegistry(successor).stake(msg.sender, amount);
        bool received = _token.balanceOf(address(this)) + amount == held &&
            _token.allowance(address(this), successor) == 0 &&
            IKeeperRegistry(successor).keeperOf(msg.sender).stake == before + amount;
        if (!received) revert StakeNotReceived(successor, msg.sender, amount);
    }
}
