// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {IDaoPilot} from "../interfaces/IDaoPilot.sol";
import {Groth16Proof} from "../interfaces/IGroth16Verifier.sol";
import {IInferenceHub, IInferenceHubErrors, IInferenceHubTypes} from "../interfaces/IInferenceHub.sol";
import {IPublisherRegistry} from "../interfaces/IPublisherRegistry.sol";
import {OutputReading} from "../inference/OutputReading.sol";

/// @title Acts for the DAO, within a mandate, when a proven model says so
/// @notice See IDaoPilot, which owns the documentation.
contract DaoPilot is IDaoPilot, AccessControl, ReentrancyGuard {
    /// @notice May grant and revoke mandates and execute anything: the timelock.
    bytes32 public constant MANDATE_ROLE = keccak256("MANDATE_ROLE");
    /// @notice First word of the bytes of an order.
    bytes32 public constant ORDER_DOMAIN = keccak256("cohort.pilot.order.v2");
    /// @notice First word of the preimage of a request's nonce.
    bytes32 public constant NONCE_DOMAIN = keccak256("cohort.pilot.nonce.v1");
    /// @notice Value of `amountWord` with which the caps count the ether sent.
    uint8 public constant ETHER = 0xff;
    uint256 private constant SELECTOR_BYTES = 4;

    IInferenceHub public immutable HUB;
    IPublisherRegistry public immutable PUBLISHERS;

    uint256 private _count;
    mapping(uint256 mandateId => Mandate) private _mandates;
    mapping(uint256 mandateId => Usage) private _usages;
    mapping(uint256 mandateId => mapping(bytes32 inputCommitment => bool)) private _used;

    /// @param admin Gets the default admin role: it grants MANDATE_ROLE and hands itself over.
    constructor(IInferenceHub hub, IPublisherRegistry publishers, address admin) {
        if (address(hub) == address(0) || address(publishers) == address(0) || admin == address(0)) {
            revert ZeroAddress();
        }
        HUB = hub;
        PUBLISHERS = publishers;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
    }

    /// @dev The pilot can spend the ether that it receives.
    receive() external payable {}

    /// @inheritdoc IDaoPilot
    function grant(Mandate calldata mandate) external onlyRole(MANDATE_ROLE) returns (uint256 mandateId) {
        if (mandate.target == address(0) || mandate.target == address(this)) revert TargetForbidden(mandate.target);
        if (mandate.selector != bytes4(0) && mandate.target.code.length == 0) revert TargetHasNoCode(mandate.target);
        if (mandate.expiresAt < block.timestamp) revert ExpiryPassed(mandate.expiresAt, block.timestamp);
        if (mandate.period == 0 || mandate.maxPerCall > mandate.maxPerPeriod) {
            revert CapsInvalid(mandate.maxPerCall, mandate.maxPerPeriod, mandate.period);
        }
        bool published = mandate.publisherId != 0;
        if ((mandate.inputCommitment == 0) != published || (mandate.callHash == 0) != published) {
            revert OriginAmbiguous(mandate.publisherId, mandate.inputCommitment, mandate.callHash);
        }
        if (published) PUBLISHERS.publisherOf(mandate.publisherId);
        _requireForm(mandate);

        mandateId = ++_count;
        _mandates[mandateId] = mandate;
        _usages[mandateId].grantedAt = uint64(block.timestamp);
        emit MandateGranted(mandateId, mandate);
    }

    /// @inheritdoc IDaoPilot
    function revoke(uint256 mandateId) external onlyRole(MANDATE_ROLE) {
        _known(mandateId);
        if (_usages[mandateId].revoked) revert MandateIsRevoked(mandateId);
        _usages[mandateId].revoked = true;
        emit MandateRevoked(mandateId);
    }

    /// @inheritdoc IDaoPilot
    function execute(
        address target,
        uint256 value,
        bytes calldata data
    ) external onlyRole(MANDATE_ROLE) returns (bytes memory result) {
        emit Executed(target, value, data);
        return _call(target, value, data);
    }

    /// @inheritdoc IDaoPilot
    function act(
        Order calldata order,
        uint256 output,
        Groth16Proof calldata proof
    ) external nonReentrant returns (bytes memory result) {
        Mandate storage mandate = _known(order.mandateId);
        _requireCall(mandate, order);
        _requireVerdict(mandate, order.mandateId, output);
        bytes32 inputCommitment = _inputOf(mandate, order);
        if (_used[order.mandateId][inputCommitment]) revert InputUsed(order.mandateId, inputCommitment);

        _used[order.mandateId][inputCommitment] = true;
        _charge(mandate, order);
        emit Acted(order.mandateId, msg.sender, inputCommitment, output, order.value, order.data);
        _verify(mandate, order.mandateId, inputCommitment, output, proof);
        return _call(mandate.target, order.value, order.data);
    }

    /// @inheritdoc IDaoPilot
    function mandateOf(uint256 mandateId) external view returns (Mandate memory) {
        return _known(mandateId);
    }

    /// @inheritdoc IDaoPilot
    function usageOf(uint256 mandateId) external view returns (Usage memory) {
        _known(mandateId);
        return _usages[mandateId];
    }

    /// @inheritdoc IDaoPilot
    function mandateCount() external view returns (uint256) {
        return _count;
    }

    /// @inheritdoc IDaoPilot
    function isUsed(uint256 mandateId, bytes32 inputCommitment) external view returns (bool) {
        return _used[mandateId][inputCommitment];
    }

    /// @inheritdoc IDaoPilot
    function contextOf(uint256 mandateId, bytes32 inputCommitment) external view returns (uint256) {
        Mandate storage mandate = _known(mandateId);
        uint64 modelId = mandate.modelId;
        bytes32 requestId = HUB.directRequestId(address(this), _nonce(mandateId, inputCommitment));
        return HUB.contextOf(requestId, address(this), modelId, HUB.versionInForce(modelId), mandate.expiresAt);
    }

    /// @inheritdoc IDaoPilot
    function orderBytes(
        uint256 mandateId,
        uint256 value,
        bytes calldata data,
        bytes32 contentDigest,
        uint64 validUntil
    ) public view returns (bytes memory) {
        return
            abi.encode(
                ORDER_DOMAIN,
                block.chainid,
                address(this),
                mandateId,
                value,
                keccak256(data),
                contentDigest,
                validUntil
            );
    }

    /// @inheritdoc AccessControl
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IDaoPilot).interfaceId || super.supportsInterface(interfaceId);
    }

    /// @dev Reverts unless the model's output has the form that the rule reads.
    function _requireForm(Mandate calldata mandate) private view {
        IInferenceHubErrors.OutputForm form = HUB.modelOf(mandate.modelId).form;
        if (mandate.rule == Rule.AtLeast) {
            if (form != IInferenceHubErrors.OutputForm.Score) revert IInferenceHubErrors.OutputNotAScore(form);
        } else if (!OutputReading.requireLabel(form) && mandate.threshold != 0) {
            revert MarginNotStated(mandate.modelId, mandate.threshold);
        }
    }

    /// @dev Reverts unless the mandate is in force and allows the call, apart from its amount.
    function _requireCall(Mandate storage mandate, Order calldata order) private view {
        uint256 id = order.mandateId;
        if (_usages[id].revoked) revert MandateIsRevoked(id);
        if (block.timestamp > mandate.expiresAt) revert MandateExpired(id, mandate.expiresAt, block.timestamp);
        bytes4 expected = mandate.selector;
        uint256 length = order.data.length;
        if (expected == bytes4(0) ? length != 0 : length < SELECTOR_BYTES) {
            revert DataLengthInvalid(length, expected == bytes4(0) ? 0 : SELECTOR_BYTES);
        }
        if (bytes4(order.data) != expected) revert SelectorMismatch(id, bytes4(order.data), expected);
        if (mandate.amountWord != ETHER && order.value != 0) revert ValueNotAllowed(id, order.value);
    }

    function _requireVerdict(Mandate storage mandate, uint256 mandateId, uint256 output) private view {
        uint256 strength = output;
        if (mandate.rule == Rule.Label) {
            uint256 label;
            (label, strength) = OutputReading.label(HUB.modelOf(mandate.modelId).form, output);
            if (label != mandate.label) revert LabelMismatch(mandateId, label, mandate.label);
        } else if (output > type(uint128).max) {
            revert BelowThreshold(mandateId, output, mandate.threshold);
        }
        if (strength < mandate.threshold) revert BelowThreshold(mandateId, strength, mandate.threshold);
    }

    /// @dev The input that the model has to judge, after checking that the order comes from the source that the mandate names.
    function _inputOf(Mandate storage mandate, Order calldata order) private view returns (bytes32) {
        uint64 publisherId = mandate.publisherId;
        if (publisherId == 0) {
            if (order.content.length != 0) revert UnexpectedContent(order.mandateId, order.content.length);
            bytes32 found = keccak256(abi.encode(order.value, order.data));
            if (found != mandate.callHash) revert CallMismatch(order.mandateId, found, mandate.callHash);
            return mandate.inputCommitment;
        }
        if (block.timestamp > order.validUntil) {
            revert OrderExpired(order.mandateId, order.validUntil, block.timestamp);
        }
        bytes32 digest = sha256(order.content);
        bytes memory signed = orderBytes(order.mandateId, order.value, order.data, digest, order.validUntil);
        PUBLISHERS.requireSigned(publisherId, order.keyId, sha256(signed), order.signature);
        return bytes32(uint256(digest) >> 8);
    }

    /// @dev Counts a call against cooldown and caps.
    function _charge(Mandate storage mandate, Order calldata order) private {
        uint256 id = order.mandateId;
        Usage storage usage = _usages[id];
        uint256 until = uint256(usage.lastAt) + mandate.cooldown;
        if (usage.calls != 0 && block.timestamp < until) revert CoolingDown(id, until, block.timestamp);
        uint256 amount = order.value;
        if (mandate.amountWord != ETHER) {
            uint256 at = SELECTOR_BYTES + 32 * uint256(mandate.amountWord);
            if (order.data.length < at + 32) revert DataLengthInvalid(order.data.length, at + 32);
            amount = uint256(bytes32(order.data[at:at + 32]));
        }
        if (amount > mandate.maxPerCall) revert AmountAboveCallCap(id, amount, mandate.maxPerCall);
        uint64 index = (uint64(block.timestamp) - usage.grantedAt) / mandate.period;
        uint256 spent = index == usage.periodIndex ? usage.spent : 0;
        uint128 cap = mandate.maxPerPeriod;
        if (spent + amount > cap) revert AmountAbovePeriodCap(id, amount, spent, cap);
        usage.lastAt = uint64(block.timestamp);
        usage.periodIndex = index;
        usage.spent = uint128(spent + amount);
        ++usage.calls;
    }

    function _verify(
        Mandate storage mandate,
        uint256 mandateId,
        bytes32 inputCommitment,
        uint256 output,
        Groth16Proof calldata proof
    ) private {
        uint64 modelId = mandate.modelId;
        IInferenceHubTypes.Ticket memory ticket = IInferenceHubTypes.Ticket({
            nonce: _nonce(mandateId, inputCommitment),
            version: HUB.versionInForce(modelId),
            deadline: mandate.expiresAt
        });
        HUB.verifyInference(modelId, inputCommitment, abi.encode(output), abi.encode(proof, ticket));
    }

    function _call(address target, uint256 value, bytes calldata data) private returns (bytes memory result) {
        bool success;
        (success, result) = target.call{value: value}(data);
        if (!success) revert CallFailed(target, result);
    }

    function _nonce(uint256 mandateId, bytes32 inputCommitment) private pure returns (bytes32) {
        return keccak256(abi.encode(NONCE_DOMAIN, mandateId, inputCommitment));
    }

    function _known(uint256 mandateId) private view returns (Mandate storage) {
        if (mandateId == 0 || mandateId > _count) revert UnknownMandate(mandateId, _count);
        return _mandates[mandateId];
    }
}
