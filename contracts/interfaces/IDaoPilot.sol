// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Groth16Proof} from "./IGroth16Verifier.sol";

/// @dev The terms of a mandate, and the errors for calls outside it.
interface IDaoPilotTypes {
    error ZeroAddress();
    error TargetForbidden(address target);
    error TargetHasNoCode(address target);
    error ExpiryPassed(uint64 expiresAt, uint256 timestamp);
    error CapsInvalid(uint128 maxPerCall, uint128 maxPerPeriod, uint32 period);
    /// @notice A mandate has either a publisher, or both a fixed input and a fixed call.
    error OriginAmbiguous(uint64 publisherId, bytes32 inputCommitment, bytes32 callHash);

    error UnknownMandate(uint256 mandateId, uint256 count);
    error MandateIsRevoked(uint256 mandateId);
    error MandateExpired(uint256 mandateId, uint64 expiresAt, uint256 timestamp);
    /// @notice The publisher's order has expired.
    error OrderExpired(uint256 mandateId, uint64 validUntil, uint256 timestamp);
    error CoolingDown(uint256 mandateId, uint256 until, uint256 timestamp);
    /// @notice Under one mandate, each input permits only one call.
    error InputUsed(uint256 mandateId, bytes32 inputCommitment);
    error SelectorMismatch(uint256 mandateId, bytes4 found, bytes4 expected);
    error DataLengthInvalid(uint256 found, uint256 min);
    error ValueNotAllowed(uint256 mandateId, uint256 value);
    error CallMismatch(uint256 mandateId, bytes32 found, bytes32 expected);
    /// @notice The DAO fixed the input, so the call must not give content.
    error UnexpectedContent(uint256 mandateId, uint256 length);
    error AmountAboveCallCap(uint256 mandateId, uint256 amount, uint128 cap);
    error AmountAbovePeriodCap(uint256 mandateId, uint256 amount, uint256 spent, uint128 cap);
    /// @notice The model states labels without margins, so a mandate cannot ask for a margin.
    error MarginNotStated(uint64 modelId, uint128 threshold);
    error LabelMismatch(uint256 mandateId, uint256 found, uint16 expected);
    error BelowThreshold(uint256 mandateId, uint256 found, uint128 threshold);
    error CallFailed(address target, bytes reason);

    /// @notice The rule by which the model's output permits a call.
    enum Rule {
        /// For a model of labels: the output is this label. Where the model states a margin, it must be at least `threshold` (else 0).
        Label,
        /// For a model of scores: the score is at least `threshold`, in units of one over the model's scale. A `threshold` is never
        /// negative, so a negative score never permits a call.
        AtLeast
    }

    /// @notice The permitted call, its publisher and its bounds. A mandate never changes; it can only be revoked.
    /// @dev With a publisher, each call is an order that it signs together with the content that the model judges. Without
    /// one, the DAO itself fixed both the input and the call, and the mandate acts once.
    struct Mandate {
        /// A model of the hub. If it follows its service's releases, the version in force answers.
        uint64 modelId;
        Rule rule;
        uint16 label;
        uint128 threshold;
        /// The publisher that signs the orders; 0 for a call that the DAO fixed.
        uint64 publisherId;
        /// The commitment of the one input that the DAO fixed; zero with a publisher.
        bytes32 inputCommitment;
        /// keccak256(abi.encode(value, data)) of the call that the DAO fixed; zero with a publisher.
        bytes32 callHash;
        address target;
        /// First four bytes of the call's data. Zero allows only plain ether transfers.
        bytes4 selector;
        /// The amount that the caps limit: 255 stands for the ether sent; any other number for that word of the call's arguments, and then
        /// no ether may be sent.
        uint8 amountWord;
        uint128 maxPerCall;
        uint128 maxPerPeriod;
        /// Seconds. Periods count from the grant, so calls just before and just after a boundary can use two periods' caps.
        uint32 period;
        /// Least number of seconds between two calls.
        uint32 cooldown;
        /// Unix seconds, inclusive.
        uint64 expiresAt;
    }

    /// @notice The used part of a mandate.
    struct Usage {
        uint64 grantedAt;
        uint64 lastAt;
        uint64 periodIndex;
        bool revoked;
        uint128 spent;
        uint128 calls;
    }

    /// @notice A call that somebody asks the pilot to make.
    struct Order {
        uint256 mandateId;
        /// Wei.
        uint256 value;
        bytes data;
        /// The content that the model judges; its SHA-256 digest >> 8 is the input commitment. Empty for a call that
        /// the DAO fixed.
        bytes content;
        uint64 keyId;
        /// Unix seconds: the last moment at which the order counts, as signed by the publisher. Ignored for a call that the DAO fixed.
        uint64 validUntil;
        /// The publisher's signature of the SHA-256 digest of `orderBytes`.
        bytes signature;
    }
}

/// @title An executor that acts for the DAO, within a mandate, when a proven model says so.
/// @notice The timelock grants and revokes mandates, and can move everything that the pilot holds. Anybody can present
/// an order with its proof. No further consent is needed, and the pilot can do nothing outside the mandate's bounds.
/// @dev The pilot is the caller in the proof's context, and one (mandate, input) is one request of the hub.
interface IDaoPilot is IDaoPilotTypes {
    event MandateGranted(uint256 indexed mandateId, Mandate mandate);
    event MandateRevoked(uint256 indexed mandateId);
    event Acted(
        uint256 indexed mandateId,
        address indexed by,
        bytes32 indexed inputCommitment,
        uint256 output,
        uint256 value,
        bytes data
    );
    event Executed(address indexed target, uint256 value, bytes data);

    /// @notice MANDATE_ROLE (the timelock) only.
    function grant(Mandate calldata mandate) external returns (uint256 mandateId);

    /// @notice Ends a mandate at once. MANDATE_ROLE only.
    function revoke(uint256 mandateId) external;

    /// @notice Makes any call in the pilot's name. The DAO uses it to take back what the pilot holds. MANDATE_ROLE only.
    function execute(address target, uint256 value, bytes calldata data) external returns (bytes memory result);

    /// @notice Carries out an order that a mandate and a proof permit. Anyone may. If the call reverts, the whole transaction does, and the
    /// mandate is not used up. The call's return data are passed on unchecked.
    /// @param proof For the context `contextOf(order.mandateId, input commitment)`.
    function act(
        Order calldata order,
        uint256 output,
        Groth16Proof calldata proof
    ) external returns (bytes memory result);

    function mandateOf(uint256 mandateId) external view returns (Mandate memory);

    function usageOf(uint256 mandateId) external view returns (Usage memory);

    function mandateCount() external view returns (uint256);

    function isUsed(uint256 mandateId, bytes32 inputCommitment) external view returns (bool);

    /// @notice The bytes whose SHA-256 digest a publisher signs. They contain the call, the content and the expiry, for this mandate, this
    /// pilot and this chain.
    function orderBytes(
        uint256 mandateId,
        uint256 value,
        bytes calldata data,
        bytes32 contentDigest,
        uint64 validUntil
    ) external view returns (bytes memory);

    /// @notice The fourth public signal of a proof about the version in force.
    function contextOf(uint256 mandateId, bytes32 inputCommitment) external view returns (uint256);
}
