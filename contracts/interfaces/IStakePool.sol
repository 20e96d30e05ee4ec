// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @dev Errors and types of a pool of stake.
interface IStakePoolTypes {
    error AlreadyOpened();
    error ZeroAddress();
    error ZeroAmount();
    error NotManager(address caller, address manager);
    error NotPendingManager(address caller, address pending);
    error TooFewShares(uint256 found, uint256 min);
    /// @notice So much was slashed that a share is almost worthless, and a newcomer would own the pool. Make another pool.
    error PoolRuined(uint256 assets, uint256 shares);
    error SharesTooFew(address account, uint256 found, uint256 min);
    error CommissionTooHigh(uint256 found, uint256 max);
    error NoRise();
    /// @notice The notice period of the announced rise is not over.
    error NoticeRunning(uint256 until, uint256 timestamp);
    error NothingToSubmit(uint256 batch);
    /// @notice It is too early to submit another batch: the registry has room for only four requests at a time.
    error SubmittedTooEarly(uint256 earliest, uint256 timestamp);
    /// @notice The keeper's bonds hold all tokens that the batch could get: see `release`.
    error StakeHeldByBonds(uint256 needed);
    error BatchNotPaid(uint256 batch);
    error NothingToClaim(address account);
    error NotAService(address service);
    /// @notice No batch waits for bonded stake, so only the manager and the operator can make the pool leave a service.
    error NobodyWaits();
    /// @notice A batch has waited for bonded stake for longer than the unbonding delay. Until its tokens are requested, no service
    /// may bond more.
    error ExitsWait(uint256 wanted);
    error TooManyServices(uint256 max);
    /// @notice The pool could not collect its earnings from the service: send the service's `poke`, then retry.
    error CollectionFailed(address service, bytes reason);

    /// @notice Shares that leave together. Their owners are slashed with everybody else until the batch is paid.
    struct Batch {
        /// All shares that entered the batch.
        uint128 shares;
        /// Shares of the batch that are not paid yet.
        uint128 left;
        /// Worth of the batch when it was submitted, in units of 1e-18 token. A slash lowers it; nothing raises it.
        uint128 asked;
        /// Tokens that are ready for the batch's owners.
        uint128 paid;
        /// Unix seconds from which the batch is due, because the registry then gives back the requested tokens; 0 before any
        /// request.
        uint64 unlocksAt;
        /// The earliest time at which the batch could have been requested. One unbonding delay later, `release` is open to
        /// everybody for the part that is still not requested.
        uint64 dueAt;
    }
}

/// @title Pools the stake of many in one keeper
/// @notice In the KeeperRegistry, the pool is the keeper's owner, and the delegators' deposits are its stake. So a slash hits them
/// all alike, the manager included. Rewards go to the delegators in proportion, minus the manager's commission. The stake of a
/// delegator that leaves goes through the registry's unbonding and is slashable to the end. Shares cannot be transferred. The
/// manager decides on keys, services and commission, but can neither touch the stake or rewards of others nor keep anyone in.
/// @dev A share is worth (assets + 1) / (shares + VIRTUAL_SHARES) tokens, as in ERC-4626 with an offset: an attacker who gives
/// stake to the pool, to inflate the price of a share, pays a million times what can be gained. All rounding favours the pool.
interface IStakePool is IStakePoolTypes {
    event PoolOpened(address indexed manager, address indexed operator);
    event ManagerOffered(address indexed from, address indexed to);
    event ManagerChanged(address indexed from, address indexed to);
    event Deposited(address indexed account, address indexed by, uint256 amount, uint256 shares);
    event ExitRequested(address indexed account, uint256 indexed batch, uint256 shares);
    event BatchSubmitted(uint256 indexed batch, uint256 amount, uint64 unlocksAt);
    event BatchPaid(uint256 indexed batch, uint256 amount, uint256 sharesLeft);
    event ExitPaid(address indexed account, uint256 indexed batch, uint256 amount);
    event RewardsShared(uint256 amount, uint256 commission);
    event RewardsClaimed(address indexed account, uint256 amount);
    event CommissionAnnounced(uint256 bps, uint256 from);
    event CommissionChanged(uint256 previous, uint256 current);

    // ------------------------------------------------------------------------------------------------- delegators

    /// @notice Stakes `amount` of the caller's tokens for `account`. The caller must have approved the pool for them.
    function deposit(address account, uint256 amount, uint256 minShares) external returns (uint256 shares);

    /// @notice Puts shares into the batch that is filling. From then on they neither earn nor vote, but stay slashable until they
    /// are paid.
    function requestExit(uint256 shares) external returns (uint256 batch);

    /// @notice Requests from the registry those tokens of a batch that no bond holds: for the filling batch, which is then full,
    /// together with the part of the oldest batch that was not requested yet; or for that part alone. Anybody may, once a quarter
    /// of the unbonding delay has passed since the last request.
    function submitExits(uint256 batch) external;

    /// @notice Fetches unlocked tokens and pays the batches that are due; stakes any surplus again. Anybody may.
    function settleExits() external;

    /// @notice Pays an account its part of the tokens that a batch has received so far. Anybody may.
    function claimExit(uint256 batch, address account) external returns (uint256 amount);

    /// @notice Pays an account its rewards. Anybody may.
    function claimRewards(address account) external returns (uint256 amount);

    /// @notice Collects what the pool's seats have earned in final rounds, and shares it out. Anybody may. Deposits, exits and
    /// changes of the commission do it first.
    function harvest() external;

    /// @notice Makes the pool leave a service that bonds stake for which a batch has waited longer than the unbonding delay.
    /// Anybody may; the manager may at any time. Also opts out, even if the seat is already being given up or cannot be given up
    /// yet (in the latter case, call again later).
    function release(address service, uint8 seat) external;

    // ------------------------------------------------------------------------------------------------- the manager

    /// @notice Registers the pool as a keeper, once.
    function open(
        address operator,
        bytes32 encryptionKey,
        bytes calldata multiaddr,
        bytes calldata consent
    ) external;

    /// @notice Lets a service bond the pool's stake. Reverts while a batch has waited longer than the unbonding delay for stake
    /// that was not requested.
    function optIn(address service) external;

    function setOperator(address operator, bytes calldata consent) external;

    function unjail() external;

    /// @notice Frees the stake that a suspended service holds. Open to the same callers, at the same times, as `release`.
    function disengageSuspended(address service) external;

    /// @notice Lowers the commission at once, or announces a rise, which `raiseCommission` puts into effect NOTICE_SECONDS later
    /// at the earliest.
    function setCommission(uint16 bps) external;

    /// @notice Puts an announced rise into effect. Rewards that were received before, or could have been collected before, are
    /// shared out at the old commission.
    function raiseCommission() external;

    function offerManagement(address to) external;

    function acceptManagement() external;

    // ------------------------------------------------------------------------------------------------- views

    function manager() external view returns (address);

    function commissionBps() external view returns (uint16);

    /// @return bps The announced commission. @return from Unix seconds from which it can take effect; 0 without an announcement.
    function announcedCommission() external view returns (uint16 bps, uint64 from);

    /// @notice Tokens that back the shares: staked, unbonding, or here and not paid yet.
    function assets() external view returns (uint256);

    /// @notice Shares that are not paid out: of those who stay and of those who leave.
    function totalShares() external view returns (uint256);

    /// @notice The account's shares that stay, and so earn.
    function sharesOf(address account) external view returns (uint256);

    function leavingOf(uint256 batch, address account) external view returns (uint256);

    function batchOf(uint256 batch) external view returns (Batch memory);

    /// @notice The batch that new exits join.
    function fillingBatch() external view returns (uint256);

    /// @notice The first batch that is not fully paid; the next tokens that come back go to it. `submitExits` requests its
    /// shortfall: the part that bonds held when it was submitted, and what a slash took from it beyond its proportion.
    function oldestBatch() external view returns (uint256);

    /// @notice Rewards that were shared out to the account and not claimed yet.
    function rewardsOf(address account) external view returns (uint256);
}
