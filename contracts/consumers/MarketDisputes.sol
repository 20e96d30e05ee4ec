// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {IMarketBook} from "../interfaces/IMarketBook.sol";
import {OutcomeTokens} from "./OutcomeTokens.sol";

/// @title Stops a resolution (withdrawn grounds, a bonded challenge, the guardian) and lets the DAO decide
/// @dev Modelled on UMA's optimistic oracle: the reading is the assertion, a challenge the dispute, the DAO the vote. Bonds are
/// kept apart from the pots, so no pot ever pays for a dispute.
abstract contract MarketDisputes is OutcomeTokens, AccessControl {
    using SafeERC20 for IERC20;

    /// @notice May settle flagged markets, and nothing else: the timelock.
    bytes32 public constant SETTLER_ROLE = keccak256("SETTLER_ROLE");
    /// @notice May make a pending market wait for the DAO, and nothing else: the Guardian contract.
    bytes32 public constant GUARDIAN_ROLE = keccak256("GUARDIAN_ROLE");
    /// @notice The bond of a challenge, in hundredths of a percent of the pot (rounded up).
    uint256 public constant CHALLENGE_BPS = 200;
    uint256 private constant BPS = 10_000;

    IModelRegistry public immutable MODELS;
    /// @notice Receives the bond of a failed challenge that nobody defended against: the timelock.
    address public immutable TREASURY;

    mapping(uint256 marketId => Challenge) private _challenges;
    mapping(uint256 marketId => mapping(address account => bool)) private _paid;

    constructor(IModelRegistry models, address treasury) {
        if (address(models) == address(0) || treasury == address(0)) revert ZeroAddress();
        MODELS = models;
        TREASURY = treasury;
    }

    /// @inheritdoc IMarketBook
    function flag(uint256 marketId) external {
        Market storage market = _known(marketId);
        Status found = _requireStatus(marketId, market, (1 << uint8(Status.Pending)) | (1 << uint8(Status.Flagged)));
        // Only within the dispute delay, as without the challenge: a bond must not buy the key's owner more time to revoke the key.
        bool late = block.timestamp >= uint256(market.resolvedAt) + DISPUTE_SECONDS;
        if (found == Status.Flagged && (late || _isWithdrawn(market.reason))) {
            revert UnexpectedStatus(marketId, found, 1 << uint8(Status.Pending));
        }
        FlagReason reason;
        if (market.keyId != 0 && PUBLISHERS.isRevoked(market.keyId)) reason = FlagReason.KeyRevoked;
        else if (!MODELS.isReleased(market.service, market.version)) reason = FlagReason.VersionWithdrawn;
        else if (VERIFIERS.isRevoked(market.circuitId)) reason = FlagReason.CircuitRevoked;
        else revert NoGroundsToFlag(marketId);
        _flag(marketId, market, reason);
    }

    /// @inheritdoc IMarketBook
    function freeze(uint256 marketId) external onlyRole(GUARDIAN_ROLE) {
        Market storage market = _known(marketId);
        _requireStatus(marketId, market, 1 << uint8(Status.Pending));
        _flag(marketId, market, FlagReason.Frozen);
    }

    /// @inheritdoc IMarketBook
    function challenge(uint256 marketId) external nonReentrant {
        Market storage market = _known(marketId);
        Challenge storage entry = _challenges[marketId];
        if (entry.challenger != address(0)) revert AlreadyChallenged(marketId, entry.challenger);
        _requireStatus(marketId, market, 1 << uint8(Status.Pending));
        uint256 bond = _bond(market);
        entry.challenger = msg.sender;
        entry.bond = uint128(bond);
        _flag(marketId, market, FlagReason.Challenged);
        emit ReadingChallenged(marketId, msg.sender, bond);
        _takeIn(market.collateral, bond);
    }

    /// @inheritdoc IMarketBook
    function defend(uint256 marketId) external nonReentrant {
        Market storage market = _known(marketId);
        Challenge storage entry = _challenged(marketId);
        if (entry.defender != address(0)) revert AlreadyDefended(marketId, entry.defender);
        _requireStatus(marketId, market, 1 << uint8(Status.Flagged));
        uint256 until = uint256(market.flaggedAt) + DISPUTE_SECONDS;
        // Later the DAO's answer may be known, and a defender who waited for it would take the challenger's bond without risk.
        if (block.timestamp >= until) revert DefenceTooLate(marketId, until);
        entry.defender = msg.sender;
        emit ReadingDefended(marketId, msg.sender, entry.bond);
        _takeIn(market.collateral, entry.bond);
    }

    /// @inheritdoc IMarketBook
    function settle(uint256 marketId, uint8 outcome) external onlyRole(SETTLER_ROLE) {
        Market storage market = _known(marketId);
        _requireStatus(marketId, market, 1 << uint8(Status.Flagged));
        if (outcome >= market.outcomes && outcome != INVALID) {
            revert UnknownOutcome(marketId, outcome, market.outcomes);
        }
        _decide(marketId, market, outcome, _differs(marketId, market, outcome));
    }

    /// @inheritdoc IMarketBook
    function returnBond(uint256 marketId, address account) external nonReentrant {
        Market storage market = _known(marketId);
        Challenge storage entry = _challenged(marketId);
        _requireStatus(marketId, market, (1 << uint8(Status.Final)) | (1 << uint8(Status.Invalid)));
        uint256 amount = _owed(market, entry, account);
        if (amount == 0 || _paid[marketId][account]) revert NoBondOwed(marketId, account);
        _paid[marketId][account] = true;
        emit BondReturned(marketId, account, amount);
        market.collateral.safeTransfer(account, amount);
    }

    /// @inheritdoc IMarketBook
    function challengeOf(uint256 marketId) external view returns (Challenge memory) {
        return _challenges[marketId];
    }

    /// @inheritdoc IMarketBook
    function challengeBond(uint256 marketId) external view returns (uint256) {
        return _bond(_known(marketId));
    }

    /// @dev Interfaces of the market, of ERC-1155 and AccessControl.
    function supportsInterface(bytes4 interfaceId) public view virtual override(ERC1155, AccessControl) returns (bool) {
        return
            interfaceId == type(IMarketBook).interfaceId ||
            ERC1155.supportsInterface(interfaceId) ||
            AccessControl.supportsInterface(interfaceId);
    }

    /// @dev Whether an outcome pays differently from the reading.
    function _differs(uint256, Market storage market, uint8 outcome) internal view virtual returns (bool) {
        return outcome != market.outcome;
    }

    function _decide(uint256 marketId, Market storage market, uint8 outcome, bool upheld) internal {
        if (upheld) _challenges[marketId].upheld = true;
        market.outcome = outcome;
        market.settled = true;
        emit MarketSettled(marketId, outcome);
    }

    function _flag(uint256 marketId, Market storage market, FlagReason reason) private {
        market.flaggedAt = uint48(block.timestamp);
        market.reason = reason;
        emit MarketFlagged(marketId, reason, msg.sender);
    }

    /// @dev The winner gets its bond and half of the other bond, and the treasury gets the rest, so that an account that
    /// challenges and defends pays for everybody's delay. If something was withdrawn and the DAO stayed silent, nobody knows who
    /// was right, and each side gets its own bond back.
    function _owed(
        Market storage market,
        Challenge storage entry,
        address account
    ) private view returns (uint256 amount) {
        (uint256 bond, address challenger, address defender) = (entry.bond, entry.challenger, entry.defender);
        if (!market.settled && _isWithdrawn(market.reason)) {
            if (account == challenger) amount = bond;
            if (account == defender) amount += bond;
            return amount;
        }
        // Without a defender there is no second bond to divide.
        uint256 lost = entry.upheld && defender == address(0) ? 0 : bond;
        address winner = entry.upheld ? challenger : defender;
        if (account == TREASURY) amount = winner == address(0) ? lost : lost - lost / 2;
        if (account == winner && winner != address(0)) amount += bond + lost / 2;
    }

    function _challenged(uint256 marketId) private view returns (Challenge storage entry) {
        entry = _challenges[marketId];
        if (entry.challenger == address(0)) revert NotChallenged(marketId);
    }

    /// @dev At least one unit, so that a challenger always has something to lose.
    function _bond(Market storage market) private view returns (uint256) {
        return (market.potCollateral * CHALLENGE_BPS) / BPS + 1;
    }
}
