// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Groth16Proof} from "./IGroth16Verifier.sol";
import {IInferenceHubErrors} from "./IInferenceHub.sol";
import {Operation} from "./ISafeGuards.sol";

/// @dev What the guard stores and what its functions take, and its errors.
interface ISpendingGuardTypes {
    /// @notice The account has no policy yet, so it can only configure the guard and recover.
    error NotConfigured(address account);
    error ModelDeprecated(uint256 modelId);
    /// @notice `field`: 0 window, 1 verdictSeconds, 2 delay.
    error SecondsInvalid(uint256 field, uint256 found, uint256 min, uint256 max);
    error MarginNotStated(uint64 minMargin);
    /// @notice The policy's `margins` does not fit the model's schema.
    error MarginsMismatch(uint256 modelId, bool given, IInferenceHubErrors.OutputForm found);
    error NothingPending(address account, address asset);
    /// @notice The native asset is always guarded; raise its limit instead.
    error NativeAlwaysGuarded(address account);
    error NotGuarded(address account, address asset);
    error LengthMismatch(uint256 assets, uint256 limits);
    error AlreadyAnnounced(bytes32 spendHash, uint256 executableAt);
    error NotAnnounced(bytes32 spendHash);
    /// @notice The amount is above the limit, and the transaction was neither announced long enough ago nor approved by a
    /// verdict.
    error VerdictMissing(bytes32 spendHash, address asset, uint256 amount, uint256 available);
    error VerdictExpired(bytes32 spendHash, uint256 validUntil, uint256 timestamp);
    /// @notice The account has spent since the verdict, so the verdict no longer holds.
    error VerdictStale(bytes32 spendHash, uint256 given, uint256 found);
    error VerdictOfOtherPolicy(bytes32 spendHash, bytes8 found, bytes8 expected);
    /// @notice The transaction's features are no longer those that the model judged.
    error FeaturesChanged(bytes32 spendHash, bytes32 found, bytes32 expected);
    error VerdictTimeInvalid(uint256 at, uint256 earliest, uint256 latest);
    /// @notice The account already has a later verdict on the same transaction, by the same policy and in the same state.
    error NewerVerdictStands(bytes32 spendHash, uint256 madeAt, uint256 at);
    /// @notice The model gave another label, or a smaller margin than the policy requires.
    error VerdictUnfavourable(uint256 label, uint256 margin, uint256 approvedLabel, uint256 minMargin);
    /// @notice The transaction moves no guarded asset, or only recovers, so it needs no verdict.
    error NothingToJudge(bytes32 spendHash);
    /// @notice A delegate call runs foreign code in the account's name; it needs an announcement.
    error DelegateCallRefused(address account, address to);
    /// @notice A Safe's gas refund would move money past every limit; send the transaction with a gas price of zero.
    error RefundRefused(address account, uint256 gasPrice, address gasToken);
    /// @notice An ERC-7579 account was called in a way that the guard does not understand.
    error UnsupportedCall(bytes4 selector);
    error UnsupportedCallType(bytes1 callType);
    /// @notice Entry `index` of a Safe's batch is not a plain call, or has no recipient.
    error BatchEntryUnsupported(uint256 index);
    error MalformedExecution(uint256 found, uint256 min);

    /// @notice Who started a transaction.
    enum Origin {
        Owners,
        Module,
        /// Through an ERC-7579 account's hook.
        Hook
    }

    /// @notice What a transaction does, as a feature of the fraud model.
    enum SpendClass {
        Native,
        NativeWithData,
        TokenTransfer,
        TokenTransferFrom,
        TokenApproval,
        /// A call of a guarded token that the guard does not understand.
        TokenUnknown,
        /// A call of the account to itself, except for recovery.
        SelfCall,
        DelegateCall
    }

    /// @notice Why a spend was let through.
    enum Basis {
        WithinLimit,
        Verdict,
        Announcement
    }

    struct Spend {
        address to;
        uint256 value;
        bytes data;
        Operation operation;
        Origin origin;
    }

    /// @notice The model that approves spends, and all time limits. Uses one slot.
    struct Policy {
        /// A model in the hub. Its input is the eight features; the input commitment is SHA-256 of tag and features, >> 8.
        uint64 modelId;
        uint16 approvedLabel;
        /// Whether the model's schema is label and margin (true) or the label alone (false). The guard refuses any other schema.
        bool margins;
        uint64 minMargin;
        /// Length of the window in which the limits apply, in seconds: an hour to 30 days. A window starts with the first spend
        /// after the last window.
        uint32 window;
        /// Seconds for which a verdict is valid, counted from the time of its features; a minute to a day.
        uint32 verdictSeconds;
        /// Seconds before an announced transaction, a higher limit or another policy takes effect; an hour to 30 days.
        uint32 delay;
    }

    /// @notice The amount that may leave in a window without a verdict. Uses one slot.
    struct Limit {
        uint96 current;
        uint96 pending;
        /// Unix seconds at which `pending` takes effect; 0 without a pending change.
        uint40 effectiveAt;
        bool guarded;
        bool pendingGuarded;
    }

    struct Verdict {
        /// The input commitment of the proof.
        bytes32 commitment;
        /// Unix seconds of the time for which the features were computed; 0 without a verdict.
        uint40 madeAt;
        /// The number of the account's spends.
        uint64 nonce;
        /// The first bytes of the policy's hash.
        bytes8 policyTag;
    }
}

/// @title Lets an account spend small amounts freely, and large ones only when a proven model approves
/// @notice One guard serves many accounts: as transaction guard and module guard of a Safe, or as hook of an ERC-7579 account.
/// An account configures itself by calling this contract. It can always do that, recover (change owners, guards or modules), and
/// spend within its limits. Larger spends need a verdict: a proof, through the hub, that the policy's model gives the approved
/// label, with the required margin, for features that this contract computed itself. A verdict is valid once, for a short time,
/// for one account, one transaction and one state of the account's history. If a verdict is impossible (the model is withdrawn,
/// or the hub does not work), a transaction that the account has announced passes after the delay.
///
/// The features, one byte each after the eight bytes of `FEATURES_TAG`: (0) bit length of 256 · amount / limit, at most
/// 31; (1) the same for the amount that left in the window before; (2) number of spends in the window, at most 31; (3)
/// bit length of the minutes since the last spend, 31 for none yet; (4) how often the recipient was paid before, at
/// most 15; (5) whether the recipient has code; (6) class; (7) origin.
///
/// A batch through Safe's MultiSendCallOnly is judged call by call, unless the Safe announced it as a whole. A Safe's signatures
/// (EIP-1271) move money without a transaction: it uses AnnouncedSignatures as its fallback handler.
///
/// The guard does not see the actions of contracts that the account calls without value (an exchange with an old allowance),
/// assets without a limit, or NFTs. It never blocks recovery, so anyone with enough keys can remove it.
interface ISpendingGuard is ISpendingGuardTypes {
    event PolicyChanged(address indexed account, Policy policy, uint256 effectiveAt);
    event PolicyChangeCancelled(address indexed account);
    event LimitChanged(address indexed account, address indexed asset, bool guarded, uint96 limit, uint256 effectiveAt);
    event LimitChangeCancelled(address indexed account, address indexed asset);
    event SpendAnnounced(address indexed account, bytes32 indexed spendHash, uint256 executableAt, uint256 expiresAt);
    event AnnouncementCancelled(address indexed account, bytes32 indexed spendHash);
    event VerdictAccepted(
        address indexed account,
        bytes32 indexed spendHash,
        uint256 indexed modelId,
        uint64 version,
        bytes features,
        uint256 output,
        uint256 validUntil
    );
    event SpendPassed(
        address indexed account,
        address indexed asset,
        address indexed recipient,
        uint256 amount,
        bytes32 spendHash,
        Basis basis
    );

    /// @notice Sets the caller's policy: the first one at once, later ones after the current policy's delay.
    function setPolicy(Policy calldata policy) external;

    /// @notice Takes back a policy change that is not in force yet.
    function cancelPolicy() external;

    /// @notice Guards an asset of the caller, or changes its limit: downward at once, upward after the policy's delay.
    /// @param asset ERC-20 token; the zero address is the native asset, with limit 0 until it is set.
    function setLimit(address asset, uint96 limit) external;

    /// @notice Stops guarding a token, once the policy's delay has passed.
    function removeLimit(address asset) external;

    function cancelLimit(address asset) external;

    /// @notice Announces a transaction of the caller. After the policy's delay it may be executed without a verdict, once,
    /// within a week.
    function announce(bytes32 spendHash) external;

    function cancelAnnouncement(bytes32 spendHash) external;

    /// @notice Submits the proof that the account's model approves a transaction. Anyone may. See `statementOf`.
    /// @param at Unix seconds of the time for which the features are computed; at most `verdictSeconds` of the policy ago.
    function submitVerdict(
        address account,
        Spend calldata spend,
        uint40 at,
        uint64 version,
        uint256 output,
        Groth16Proof calldata proof
    ) external;

    /// @notice The statement that a verdict has to prove: a hub model, its version in force, and the second and the fourth
    /// public signal.
    function statementOf(
        address account,
        Spend calldata spend,
        uint40 at
    ) external view returns (uint256 modelId, uint64 version, bytes32 inputCommitment, uint256 context);

    /// @notice The sixteen bytes that the model judges.
    function featuresOf(address account, Spend calldata spend, uint40 at) external view returns (bytes memory);

    function spendHashOf(address account, Spend calldata spend) external view returns (bytes32);

    /// @notice The policy in force, the pending one and the time at which it takes effect; zero for none.
    function policyOf(
        address account
    ) external view returns (Policy memory inForce, Policy memory pending, uint256 effectiveAt);

    function limitOf(address account, address asset) external view returns (Limit memory);

    /// @notice The amount of a guarded asset that may leave now without a verdict.
    function availableOf(address account, address asset) external view returns (uint256);

    /// @notice From when and until when an announced transaction may be executed; zeros for none.
    function announcementOf(
        address account,
        bytes32 spendHash
    ) external view returns (uint256 executableAt, uint256 expiresAt);

    function verdictOf(address account, bytes32 spendHash) external view returns (Verdict memory);

    /// @notice How many spends of the account the guard has recorded.
    function nonceOf(address account) external view returns (uint64);
}
