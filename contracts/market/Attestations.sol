// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {P256} from "@openzeppelin/contracts/utils/cryptography/P256.sol";
import {IDataOffers} from "../interfaces/IDataOffers.sol";
import {Groth16Proof} from "../interfaces/IGroth16Verifier.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {ProofCheck} from "../inference/ProofCheck.sol";
import {isLeaf, leafOf} from "../claims/BatchLeaf.sol";

/// @title What makers vouch for: samples that their devices signed, and offers that their keys signed
/// @dev EdDSA signatures are checked in the circuit, at 4,648 constraints each. A P-256 signature is checked here, once for each offer:
/// by the precompile at 0x100 where the chain has it (EIP-7951, RIP-7212), otherwise by OpenZeppelin's library.
abstract contract Attestations is IDataOffers {
    bytes32 private constant ATTESTATION_DOMAIN = keccak256("cohort.data.attestation.v1");
    bytes32 private constant OFFER_DOMAIN = keccak256("cohort.data.offer.v1");

    IVerifierRegistry public immutable VERIFIERS;
    /// @notice The circuit of attestations (circuits/lib/attested_samples.circom).
    bytes32 public immutable CIRCUIT;

    mapping(address maker => bytes32 root) private _devices;
    mapping(address maker => mapping(bytes32 keyHash => bool)) private _keys;
    mapping(address maker => mapping(uint256 device => uint64 counterPlusOne)) private _counters;
    mapping(uint256 offerId => mapping(uint256 index => bool)) private _attested;

    constructor(IVerifierRegistry verifiers, bytes32 circuitId) {
        verifiers.resolve(circuitId);
        VERIFIERS = verifiers;
        CIRCUIT = circuitId;
    }

    /// @inheritdoc IDataOffers
    function listDevices(bytes32 root) external {
        _devices[msg.sender] = root;
        emit DevicesListed(msg.sender, root);
    }

    /// @inheritdoc IDataOffers
    function listKey(bytes32 keyHash, bool listed) external {
        _keys[msg.sender][keyHash] = listed;
        emit KeyListed(msg.sender, keyHash, listed);
    }

    /// @inheritdoc IDataOffers
    function attest(
        uint256 offerId,
        uint256 index,
        uint256 commitment,
        Summary calldata summary,
        bytes32[] calldata path,
        Groth16Proof calldata proof
    ) external {
        Offer storage given = _liveOffer(offerId);
        if (given.seller != msg.sender) revert NotSeller(offerId, msg.sender);
        bool leaf = index < given.terms.size &&
            isLeaf(given.terms.root, given.terms.size, index, leafOf(commitment), path);
        if (!leaf || _attested[offerId][index]) revert NotLeaf(offerId, index);
        address maker = given.terms.maker;
        bytes32 devices = _devices[maker];
        if (devices == 0) revert DevicesChanged(maker, devices, devices);
        uint64 used = _counters[maker][summary.device];
        if (summary.first < used) revert SamplesReplayed(maker, summary.device, summary.first, used - 1);
        uint256[4] memory signals = [
            uint256(devices),
            commitment,
            _packed(summary),
            contextOf(msg.sender, offerId, index)
        ];
        if (!ProofCheck.holds(VERIFIERS, CIRCUIT, signals, proof)) revert InvalidProof();
        _attested[offerId][index] = true;
        _counters[maker][summary.device] = uint64(summary.last) + 1;
        // Attestations under an older list of devices do not count under this one, because one of their devices may have been removed.
        given.attested = given.devices == devices ? given.attested + summary.count : summary.count;
        given.devices = devices;
        emit Attested(offerId, index, maker, summary);
    }

    /// @inheritdoc IDataOffers
    function attestByKey(
        uint256 offerId,
        bytes32 qx,
        bytes32 qy,
        bytes32 r,
        bytes32 s
    ) external {
        Offer storage given = _liveOffer(offerId);
        address maker = given.terms.maker;
        bytes32 keyHash = keccak256(abi.encode(qx, qy));
        if (!_keys[maker][keyHash]) revert KeyNotListed(maker, keyHash);
        if (!P256.verify(offerDigest(offerId), r, s, qx, qy)) revert SignatureInvalid(maker, keyHash);
        given.keyHash = keyHash;
        emit KeyAttested(offerId, maker, keyHash);
    }

    /// @inheritdoc IDataOffers
    function isAttestationCurrent(uint256 offerId) external view returns (bool) {
        Offer storage given = _offer(offerId);
        address maker = given.terms.maker;
        bool byDevices = given.attested != 0 && given.devices == _devices[maker];
        return byDevices || (given.keyHash != 0 && _keys[maker][given.keyHash]);
    }

    /// @inheritdoc IDataOffers
    function devicesOf(address maker) external view returns (bytes32) {
        return _devices[maker];
    }

    /// @inheritdoc IDataOffers
    function isKeyListed(address maker, bytes32 keyHash) external view returns (bool) {
        return _keys[maker][keyHash];
    }

    /// @inheritdoc IDataOffers
    function counterOf(address maker, uint256 device) external view returns (uint64) {
        return _counters[maker][device];
    }

    /// @inheritdoc IDataOffers
    function contextOf(address seller, uint256 offerId, uint256 index) public view returns (uint256) {
        return
            uint256(keccak256(abi.encode(ATTESTATION_DOMAIN, block.chainid, address(this), seller, offerId, index))) >>
            8;
    }

    /// @inheritdoc IDataOffers
    function offerDigest(uint256 offerId) public view returns (bytes32) {
        Offer storage given = _offer(offerId);
        return
            sha256(
                abi.encode(
                    OFFER_DOMAIN,
                    block.chainid,
                    address(this),
                    given.seller,
                    given.terms.schema,
                    given.terms.root,
                    given.terms.size
                )
            );
    }

    function _offer(uint256 offerId) internal view virtual returns (Offer storage);

    /// @dev Reverts unless the offer is open or admitted.
    function _liveOffer(uint256 offerId) internal view virtual returns (Offer storage);

    /// @dev Packed as in the circuit, with the first field in the lowest bits.
    function _packed(Summary calldata s) private pure returns (uint256) {
        return
            uint256(s.device) |
            (uint256(s.count) << 16) |
            (uint256(s.first) << 32) |
            (uint256(s.last) << 80) |
            (uint256(s.min) << 128) |
            (uint256(s.max) << 160) |
            (uint256(s.sum) << 192);
    }
}
