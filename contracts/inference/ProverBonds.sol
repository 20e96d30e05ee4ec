// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IProverMarket} from "../interfaces/IProverMarket.sol";
import {PullPayments} from "./PullPayments.sol";

/// @title The bonds of provers
/// @dev Conserved: the contract's ether is the sum of balances, bonds (free, reserved, unbonding) and jobs' escrows.
abstract contract ProverBonds is PullPayments, IProverMarket {
    /// @notice Part of a slot's bond that a silent prover loses, in hundredths of a percent. A false proof costs all of the bond.
    uint256 public constant SILENCE_SLASH_BPS = 2_000;
    /// @notice Share of a slash that goes to the job's poster.
    uint256 public constant POSTER_SHARE_BPS = 5_000;
    /// @notice Part of the slash for a false proof that goes to the accuser. The rest of any slash goes to the treasury, so that
    /// a prover that accuses itself still loses.
    uint256 public constant ACCUSER_SHARE_BPS = 2_000;
    uint256 private constant BPS = 10_000;

    /// @notice Where the rest of every slash goes: the timelock.
    address public immutable TREASURY;
    /// @notice Smallest bond of a slot, in wei. A job that pays more than this for a proof requires a bond equal to its price.
    uint96 public immutable MIN_BOND;
    /// @notice Seconds from `unbond` to `withdrawBond`.
    uint32 public immutable UNBONDING_SECONDS;

    mapping(address prover => Bond) private _bonds;

    constructor(address treasury, uint96 minBond, uint32 unbondingSeconds) {
        if (treasury == address(0)) revert ZeroTreasury();
        TREASURY = treasury;
        MIN_BOND = minBond;
        UNBONDING_SECONDS = unbondingSeconds;
    }

    /// @inheritdoc IProverMarket
    function bond() external payable {
        Bond storage held = _bonds[msg.sender];
        uint256 maximum = type(uint96).max - uint256(held.free) - held.reserved - held.unbonding;
        if (msg.value == 0 || msg.value > maximum) revert AmountInvalid(msg.value, maximum);
        held.free += uint96(msg.value);
        emit Bonded(msg.sender, msg.value, held.free);
    }

    /// @inheritdoc IProverMarket
    function unbond(uint96 amount) external {
        Bond storage held = _bonds[msg.sender];
        if (amount == 0 || amount > held.free) revert AmountInvalid(amount, held.free);
        held.free -= amount;
        held.unbonding += amount;
        held.unbondsAt = uint48(block.timestamp + UNBONDING_SECONDS);
        emit UnbondingStarted(msg.sender, amount, held.unbondsAt);
    }

    /// @inheritdoc IProverMarket
    function withdrawBond() external {
        Bond storage held = _bonds[msg.sender];
        uint256 amount = held.unbonding;
        if (amount == 0) revert NothingToWithdraw(msg.sender);
        if (block.timestamp < held.unbondsAt) revert StillUnbonding(msg.sender, held.unbondsAt);
        held.unbonding = 0;
        _credit(msg.sender, amount);
    }

    /// @inheritdoc IProverMarket
    function bondOf(address prover) external view returns (Bond memory) {
        return _bonds[prover];
    }

    function _reserve(address prover, uint96 amount) internal {
        Bond storage held = _bonds[prover];
        if (held.free < amount) revert BondTooLow(prover, held.free, amount);
        held.free -= amount;
        held.reserved += amount;
    }

    function _release(address prover, uint96 amount) internal {
        Bond storage held = _bonds[prover];
        held.reserved -= amount;
        held.free += amount;
    }

    /// @dev Takes the penalty for the reason from the `amount` reserved and frees the rest. Rounded for the treasury.
    function _slash(
        address prover,
        uint96 amount,
        address poster,
        SlashReason reason
    ) internal returns (uint256 taken, uint256 toPoster, uint256 toAccuser) {
        bool isFalse = reason == SlashReason.FalseProof;
        taken = isFalse ? amount : (amount * SILENCE_SLASH_BPS + BPS - 1) / BPS;
        toPoster = (taken * POSTER_SHARE_BPS) / BPS;
        if (isFalse) toAccuser = (taken * ACCUSER_SHARE_BPS) / BPS;
        Bond storage held = _bonds[prover];
        held.reserved -= amount;
        held.free += uint96(amount - taken);
        _credit(poster, toPoster);
        _credit(TREASURY, taken - toPoster - toAccuser);
        if (isFalse) _credit(msg.sender, toAccuser);
    }
}
