// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {KeeperAccounts} from "./KeeperAccounts.sol";

/// @title All moves of stake in the KeeperRegistry
abstract contract KeeperLedger is KeeperAccounts {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    uint256 private constant MAX_DELAY = 365 days;

    constructor(IERC20 token) KeeperAccounts(token) {}

    // ------------------------------------------------------------------------------------------------- moves

    function _stake(address owner, uint256 amount) internal {
        Account storage account = _accounts[owner];
        account.stake = (uint256(account.stake) + amount).toUint128();
        emit Staked(owner, msg.sender, amount);
        _moveVotes(owner, amount, true);
    }

    // ------------------------------------------------------------------------------------------------- unbonding

    /// @dev Opens a new request if there is room; otherwise adds to the newest one, whose delay starts again.
    function _unbond(address owner, Account storage account, uint128 amount) internal returns (uint64 unlocksAt) {
        uint256 delayed = block.timestamp + _settings.unbondingDelay;
        // A shortened delay must not free stake that was promised to stay slashable for longer.
        unlocksAt = uint64(Math.max(delayed, Math.max(account.tailsEnd, account.unlocksAt)));
        uint256 open = account.open;
        if (open < MAX_REQUESTS) account.open = uint8(++open);
        Request storage request = _requestAt(owner, account, open - 1);
        request.amount += amount;
        request.unlocksAt = unlocksAt;
        account.stake -= amount;
        account.unbonding += amount;
        account.unlocksAt = unlocksAt;
    }

    /// @dev Takes the requests that have unlocked out of the ring.
    function _unlock(address owner, Account storage account) internal returns (uint256 amount) {
        uint256 open = account.open;
        while (open > 0) {
            Request storage request = _requestAt(owner, account, 0);
            if (block.timestamp < request.unlocksAt) break;
            amount += request.amount;
            delete _requests[owner][account.first];
            account.first = uint8((account.first + 1) % MAX_REQUESTS);
            --open;
        }
        account.open = uint8(open);
        if (open == 0) account.unlocksAt = 0;
        account.unbonding -= uint128(amount);
    }

    /// @dev The time at which the oldest non-empty request unlocks.
    function _nextUnlock(address owner, Account storage account) internal view returns (uint64 unlocksAt) {
        for (uint256 i = 0; i < account.open; ++i) {
            Request storage request = _requestAt(owner, account, i);
            if (request.amount > 0) return request.unlocksAt;
        }
    }

    /// @dev Takes up to `amount` of the locked stake, starting with the request that unlocks first, so that the rest stays
    /// slashable for longer.
    function _takeUnbonding(address owner, Account storage account, uint256 amount) private returns (uint256 taken) {
        if (amount == 0 || block.timestamp >= account.unlocksAt) return 0;
        (uint256 first, uint256 open) = (account.first, account.open);
        Request[MAX_REQUESTS] storage ring = _requests[owner];
        for (uint256 i = 0; i < open && taken < amount; ++i) {
            Request memory request = ring[(first + i) % MAX_REQUESTS];
            if (request.amount == 0 || block.timestamp >= request.unlocksAt) continue;
            uint256 part = Math.min(request.amount, amount - taken);
            request.amount -= uint128(part);
            ring[(first + i) % MAX_REQUESTS] = request;
            taken += part;
        }
        account.unbonding -= uint128(taken);
    }

    // ------------------------------------------------------------------------------------------------- bonds

    function _engage(address service, address owner, Account storage account, uint128 wanted) internal {
        Bond storage bond = _bonds[service][owner];
        if (!bond.optedIn) revert NotOptedIn(owner, service);
        // Stake that the service already holds counts. The tail of an earlier bond does not, because its stake is free again.
        uint128 held = bond.until == ENGAGED ? bond.amount : 0;
        if (wanted < held) wanted = held;
        uint256 free = _freeStake(account);
        if (wanted - held > free) revert InsufficientFreeStake(owner, free, wanted - held);
        account.bonded += wanted - held;
        bond.amount = wanted;
        bond.until = ENGAGED;
        emit Engaged(owner, service, wanted);
    }

    /// @return done False if the keeper was not engaged.
    function _disengage(address service, address owner) internal returns (bool done) {
        Bond storage bond = _bonds[service][owner];
        if (bond.until != ENGAGED) return false;
        uint64 until = uint64(block.timestamp) + _settings.unbondingDelay;
        bond.until = until;
        Account storage account = _accounts[owner];
        account.bonded -= bond.amount;
        if (account.tailsEnd < until) account.tailsEnd = until;
        emit Disengaged(owner, service, until);
        return true;
    }

    /// @dev The bond of an engaged keeper is part of its active stake. After the keeper has left, the amount is taken from its
    /// unbonding stake first. Stake that has finished unbonding is out of reach, withdrawn or not.
    function _take(
        address service,
        address owner,
        Account storage account,
        uint256 amount
    ) internal returns (uint256 taken) {
        Bond storage bond = _bonds[service][owner];
        bool engaged = bond.until == ENGAGED;
        if (block.timestamp >= bond.until) return 0;
        uint256 wanted = Math.min(amount, bond.amount);
        uint256 fromUnbonding = engaged ? 0 : _takeUnbonding(owner, account, wanted);
        uint256 fromStake = Math.min(wanted - fromUnbonding, account.stake);
        account.stake -= uint128(fromStake);
        taken = fromUnbonding + fromStake;
        if (engaged) taken += _takeUnbonding(owner, account, wanted - taken);
        bond.amount -= uint128(taken);
        if (engaged) account.bonded -= uint128(taken);
        _slashed += taken;
        _moveVotes(owner, taken, false);
    }

    function _setStatus(address service, ServiceStatus current) internal {
        ServiceStatus previous = _services[service];
        _services[service] = current;
        emit ServiceStatusChanged(service, previous, current);
    }

    function _setSettings(Settings memory next) internal {
        if (next.treasury == address(0)) revert ZeroAddress("treasury");
        _checkDelay("unbondingDelay", next.unbondingDelay);
        _checkDelay("jailDelay", next.jailDelay);
        Settings memory previous = _settings;
        _settings = next;
        emit SettingsChanged(previous, next);
    }

    function _checkDelay(bytes32 field, uint256 found) private pure {
        if (found == 0 || found > MAX_DELAY) revert DelayOutOfRange(field, found, 1, MAX_DELAY);
    }

    // ------------------------------------------------------------------------------------------------- tokens

    function _collect(address from, uint256 amount) internal {
        _accounted += amount;
        _token.safeTransferFrom(from, address(this), amount);
    }

    function _pay(address to, uint256 amount) internal {
        _accounted -= amount;
        _token.safeTransfer(to, amount);
    }
}
