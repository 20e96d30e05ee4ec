// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Keepers, their stake and their rewards
/// @notice One keeper = one owner address. The owner key holds stake and rewards; a separate operator key sends the
/// transactions of the daemon. Amounts are in wei of the stake token.
///
/// Stake moves like this:
///
///     stake() ──► stake ──requestUnbonding()──► unbonding ──(unbondingDelay)──► withdraw()
///                  │  ▲
///       engage() ──┘  └── disengage(): the bond stays slashable by that service for one more unbondingDelay
///
/// A service can never take more from a keeper than the keeper's bond for it.
interface IKeeperRegistry {
    // ------------------------------------------------------------------------------------------------- errors

    /// @notice `account` is not the owner of a keeper.
    error UnknownKeeper(address account);
    error AlreadyRegistered(address owner);
    /// @notice The operator key already acts for `owner`, or is the owner key itself.
    error OperatorTaken(address operator, address owner);
    /// @notice `caller` is neither owner nor operator of the keeper.
    error NotKeeper(address caller, address owner);
    /// @notice The signature is not the operator's consent for this owner with the operator's current nonce.
    error ConsentInvalid(address operator, address owner, uint256 nonce);
    error ZeroAddress(bytes32 field);
    error ZeroAmount();
    error ZeroEncryptionKey();
    error MultiaddrLength(uint256 found, uint256 max);
    /// @notice Free stake (active − bonded) does not cover the amount.
    error InsufficientFreeStake(address owner, uint256 free, uint256 needed);
    error StakeBelowMinimum(address owner, uint256 found, uint256 min);
    error NothingUnbonding(address owner);
    error StillUnbonding(address owner, uint64 unlocksAt, uint256 nowTime);
    error KeeperJailed(address owner, uint64 until);
    error NotJailed(address owner);
    error StillJailed(address owner, uint64 until, uint256 nowTime);
    error NotAService(address caller);
    error ServiceNotActive(address service, ServiceStatus found);
    error UnexpectedServiceStatus(address service, ServiceStatus found, ServiceStatus expected);
    /// @notice The keeper has not opted in to let this service bond its stake.
    error NotOptedIn(address owner, address service);
    error OptInUnchanged(address owner, address service, bool optedIn);
    error NotEngaged(address owner, address service);
    error NoRewards(address owner);
    error NothingToSweep();
    error NoSurplus();
    error CreditExceedsAllocation(address service, uint256 allocated, uint256 amount);
    error PoolTooSmall(address service, uint256 available, uint256 amount);
    error DelayOutOfRange(bytes32 field, uint256 found, uint256 min, uint256 max);

    // ------------------------------------------------------------------------------------------------- types

    /// @param operator Key that acts in services; never equal to the owner.
    /// @param stake Active stake, bonded part included.
    /// @param bonded Part of `stake` that backs current engagements.
    /// @param unbonding Stake on its way out, in requests that unlock one by one. Each stays slashable until it unlocks.
    /// @param unlocksAt Unix seconds from which all of `unbonding` can be withdrawn; 0 without any unbonding.
    /// @param jailedUntil Unix seconds from which `unjail` is possible; 0 when free.
    /// @param encryptionKey X25519 public key; other members seal key shares to it.
    /// @param multiaddr libp2p multiaddr in binary form.
    struct Keeper {
        address operator;
        uint128 stake;
        uint128 bonded;
        uint128 unbonding;
        uint64 unlocksAt;
        uint64 jailedUntil;
        bytes32 encryptionKey;
        bytes multiaddr;
    }

    /// @notice Stake that one request moved into unbonding, minus later slashes.
    /// @param unlocksAt Unix seconds from which it can be withdrawn.
    struct UnbondingRequest {
        uint128 amount;
        uint64 unlocksAt;
    }

    /// @param minStake Smallest active stake with which a keeper may join a service.
    /// @param unbondingDelay Seconds for which leaving stake stays slashable.
    /// @param jailDelay Seconds that must pass before a jailed keeper can unjail itself.
    /// @param treasury Receives slashed stake and withdrawn reward pools (the timelock).
    struct Settings {
        uint128 minStake;
        uint64 unbondingDelay;
        uint64 jailDelay;
        address treasury;
    }

    /// @notice Unknown: never registered. Active: may engage, slash, jail and pay. Suspended: its calls succeed but have no effect, so that
    /// a suspended service can still run to its end; keepers may disengage themselves.
    enum ServiceStatus {
        Unknown,
        Active,
        Suspended
    }

    // ------------------------------------------------------------------------------------------------- events

    event KeeperRegistered(address indexed owner, address indexed operator, bytes32 encryptionKey, bytes multiaddr);
    event OperatorChanged(address indexed owner, address indexed previous, address indexed current);
    event EncryptionKeyChanged(address indexed owner, bytes32 previous, bytes32 current);
    event MultiaddrChanged(address indexed owner, bytes multiaddr);
    event Staked(address indexed owner, address indexed payer, uint256 amount);
    event UnbondingRequested(address indexed owner, uint256 amount, uint256 total, uint64 unlocksAt);
    event Withdrawn(address indexed owner, address indexed to, uint256 amount);
    event OptInChanged(address indexed owner, address indexed service, bool optedIn);
    event Engaged(address indexed owner, address indexed service, uint256 bond);
    event Disengaged(address indexed owner, address indexed service, uint64 slashableUntil);
    /// @param taken The amount taken: at most `requested`, the remaining bond, and the remaining stake.
    /// @param evidence Hash that identifies the facts on chain (service, epoch, round, seat).
    event Slashed(
        uint256 indexed slashId,
        address indexed owner,
        address indexed service,
        uint256 requested,
        uint256 taken,
        bytes32 reason,
        bytes32 evidence
    );
    event SlashedSwept(address indexed treasury, uint256 amount);
    event SurplusSwept(address indexed treasury, uint256 amount);
    event Jailed(address indexed owner, address indexed service, uint64 until);
    event Unjailed(address indexed owner);
    event PoolFunded(address indexed service, address indexed payer, uint256 amount);
    event PoolWithdrawn(address indexed service, address indexed treasury, uint256 amount);
    /// @param perShare Wei per share. `perShare × totalShares` left the free pool; the rest stays in it for later rounds.
    event RewardAllocated(address indexed service, uint256 perShare, uint256 totalShares);
    event RewardCredited(address indexed owner, address indexed service, uint256 amount);
    /// @notice Rewards have become stake; a Staked event reports this as well.
    event RewardRestaked(address indexed owner, uint256 amount);
    event RewardClaimed(address indexed owner, address indexed to, uint256 amount);
    event ServiceStatusChanged(address indexed service, ServiceStatus previous, ServiceStatus current);
    event SettingsChanged(Settings previous, Settings current);

    // ------------------------------------------------------------------------------------------------- keepers

    /// @notice Registers the caller as owner of a keeper and stakes `amount` (may be 0).
    /// @param operator The key of the keeper's process. It differs from the owner, and no other keeper uses it.
    /// @param consent The operator's signature over `consentDigest(owner, operator)`, so that nobody can register somebody else's key. It
    /// follows EIP-712; for a contract ERC-1271; for an account with delegated code (EIP-7702), either.
    /// @param encryptionKey X25519 public key, non-zero.
    /// @param multiaddr Binary libp2p multiaddr, 1 … 256 bytes.
    function register(
        address operator,
        bytes32 encryptionKey,
        bytes calldata multiaddr,
        uint256 amount,
        bytes calldata consent
    ) external;

    /// @notice Owner only. Services in which the keeper has a seat take over the new key by `ILearningService.syncOperator`.
    function setOperator(address operator, bytes calldata consent) external;

    /// @notice Owner or operator. Affects key generations that start later. Invalidates every signature that the operator has made for
    /// `setEncryptionKeyFor` and that nobody has sent yet.
    function setEncryptionKey(address owner, bytes32 encryptionKey) external;

    /// @notice The same, authorised by the operator's signature of `encryptionKeyDigest`. Anyone may send it.
    function setEncryptionKeyFor(address owner, bytes32 encryptionKey, bytes calldata signature) external;

    /// @notice Owner or operator.
    function setMultiaddr(address owner, bytes calldata multiaddr) external;

    /// @notice Adds stake to `owner`'s keeper, paid by the caller.
    function stake(address owner, uint256 amount) external;

    /// @notice Only the owner can allow a service to bond the keeper's stake; owner or operator can stop it from bonding more. So a service
    /// does not get access to stake just because the DAO, or a thief of its roles, registered it. Stake that is bonded already stays
    /// bonded.
    function setOptIn(address owner, address service, bool optedIn) external;

    /// @notice Like `stake`, with the caller's ERC-2612 permit for the amount. Works even if somebody has used the permit already.
    function stakeWithPermit(
        address owner,
        uint256 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;

    /// @notice Turns all rewards credited to the caller into stake of its keeper.
    function restakeRewards() external returns (uint256 amount);

    /// @notice Moves free stake into unbonding. Each request unlocks by itself after the delay; a fifth open request joins the fourth and
    /// restarts its delay. No request unlocks before an earlier one, or before the slashable tail of the last bond is over.
    function requestUnbonding(uint256 amount) external;

    /// @notice Pays out all requests that have finished unbonding.
    function withdraw(address to) external returns (uint256 amount);

    /// @notice Ends the caller's jail once its delay is over.
    function unjail() external;

    /// @notice Pays the caller all rewards credited to it.
    function claimRewards(address to) external returns (uint256 amount);

    /// @notice Gets the caller out of a suspended service: starts the last unbonding delay of its bond.
    function disengageSuspended(address service) external;

    // ------------------------------------------------------------------------------------------------- services

    /// @notice Only for active services, and keepers that have opted in. Bonds free stake of the keeper to the calling service, until its
    /// bond is `bond`.
    /// @return operator The keeper's current operator key.
    function engage(address owner, uint128 bond) external returns (address operator);

    /// @notice Services only. Frees the bond, which stays slashable for one more unbonding delay. Has no effect if the keeper is not
    /// engaged.
    function disengage(address owner) external;

    /// @notice Services only. Takes at most `amount` from the bond put up for the calling service.
    /// @return taken The amount taken; 0 if the service is suspended or has no claim on the keeper (it never engaged the keeper, or the
    /// tail is over). In these cases it does not revert, so that a keeper cannot block a service.
    function slash(
        address owner,
        uint256 amount,
        bytes32 reason,
        bytes32 evidence
    ) external returns (uint256 taken);

    /// @notice Services only. Bars the keeper from joining services until it unjails itself. Has no effect if the service is suspended.
    function jail(address owner) external;

    /// @notice Services only. Sets aside the reward for one round: ⌊min(reward, pool) / totalShares⌋ for each share.
    /// @return perShare Wei for each share; 0 if the pool is empty, the service is suspended, or there are no shares.
    function allocate(uint256 reward, uint256 totalShares) external returns (uint256 perShare);

    /// @notice Services only. Moves allocated reward to a keeper's claimable balance.
    function credit(address owner, uint256 amount) external;

    // ------------------------------------------------------------------------------------------------- anyone, the DAO

    /// @notice Adds to the reward pool of a registered service.
    function fund(address service, uint256 amount) external;

    /// @notice Sends all slashed stake to the treasury.
    function sweepSlashed() external returns (uint256 amount);

    /// @notice Sends the treasury all tokens that were transferred here without a call.
    function sweepSurplus() external returns (uint256 amount);

    /// @notice Registrar (the factory) only.
    function registerService(address service) external;

    /// @notice Admin only.
    function suspendService(address service) external;

    /// @notice Admin only.
    function resumeService(address service) external;

    /// @notice Admin only: moves unallocated reward back to the treasury.
    function withdrawPool(address service, uint256 amount) external;

    /// @notice Admin only. Delays that are running already keep their end.
    function setSettings(Settings calldata settings) external;

    // ------------------------------------------------------------------------------------------------- views

    function keeperOf(address owner) external view returns (Keeper memory);

    /// @notice The open requests, oldest first; at most 4.
    function unbondingOf(address owner) external view returns (UnbondingRequest[] memory);

    function isRegistered(address owner) external view returns (bool);

    /// @return owner Zero if the key acts for no keeper.
    function ownerOfOperator(address operator) external view returns (address owner);

    function operatorOf(address owner) external view returns (address operator);

    /// @notice How often this key has consented so far, to an owner or to an encryption key. Its next consent carries this number as nonce.
    function consentNonce(address operator) external view returns (uint256);

    /// @notice EIP-712 digest that `operator` signs to act for `owner`: OperatorConsent(address owner,address operator,
    /// uint256 nonce), in the domain ("Cohort KeeperRegistry", "1", chain, this contract).
    function consentDigest(address owner, address operator) external view returns (bytes32);

    /// @notice EIP-712 digest with which the operator of `owner` sets a new encryption key for the keeper: EncryptionKey(address owner,
    /// bytes32 encryptionKey,uint256 nonce), in the same domain. The nonce is the operator's `consentNonce`.
    function encryptionKeyDigest(address owner, bytes32 encryptionKey) external view returns (bytes32);

    function isJailed(address owner) external view returns (bool);

    /// @return amount The part of the bond that is left for the service.
    /// @return slashableUntil type(uint64).max while engaged; afterwards the end of the tail; 0 if never engaged.
    function bondOf(address service, address owner) external view returns (uint128 amount, uint64 slashableUntil);

    /// @notice Whether the keeper lets the service bond its stake.
    function isOptedIn(address service, address owner) external view returns (bool);

    function rewardsOf(address owner) external view returns (uint256);

    /// @return available Wei that are not promised to anyone yet.
    /// @return allocated Wei promised to members that did every step, and not credited yet.
    function poolOf(address service) external view returns (uint256 available, uint256 allocated);

    function serviceStatus(address service) external view returns (ServiceStatus);

    function slashedBalance() external view returns (uint256);

    function slashCount() external view returns (uint256);

    function settings() external view returns (Settings memory);

    function stakeToken() external view returns (address);
}
