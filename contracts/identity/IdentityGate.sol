// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {Bn254} from "../inference/Bn254.sol";
import {Groth16Proof} from "../interfaces/IGroth16Verifier.sol";
import {IIdentityGate} from "../interfaces/IIdentityGate.sol";
import {IIdentityVerifier} from "../interfaces/IIdentityVerifier.sol";
import {IPublisherRegistry} from "../interfaces/IPublisherRegistry.sol";
import {IValueLists} from "../interfaces/IValueLists.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {CivilDate} from "./CivilDate.sol";

/// @title A gate that lets people through on a proof of identity
/// @notice See IIdentityGate, which owns the documentation.
contract IdentityGate is IIdentityGate, AccessControl {
    /// @notice May set policy and issuers, and end passes: the DAO's timelock, or whoever is responsible for the application.
    bytes32 public constant POLICY_ROLE = keccak256("POLICY_ROLE");

    uint256 private constant MAX_AGE = 150;
    uint256 private constant MAX_PASS_DAYS = 366;
    uint256 private constant MAX_ROOT_SECONDS = 1 days;
    /// @dev `blockhash` does not return older hashes.
    uint256 private constant MAX_CHALLENGE_BLOCKS = 256;
    /// @dev Bits of a word of the bitmap of countries.
    uint256 private constant WORD_BITS = 250;

    IVerifierRegistry public immutable VERIFIERS;
    IPublisherRegistry public immutable PUBLISHERS;
    IValueLists public immutable LISTS;
    /// @notice Id of the identity circuit in the registry of verifiers.
    bytes32 public immutable CIRCUIT_ID;

    Policy private _policy;
    mapping(uint64 issuerId => Issuer) private _issuers;
    mapping(address account => Pass) private _passes;
    mapping(uint256 nullifier => address account) private _accounts;
    /// @dev Unix seconds at which passes were last ended. Passes made then or earlier are over, and roots replaced by then are refused.
    uint64 private _endedAt;
    /// @dev The block in which they were ended. A later proof must answer a challenge of this block or a later one, because its hash
    /// was unknown before.
    uint64 private _endedBlock;

    constructor(
        IVerifierRegistry verifiers,
        IPublisherRegistry publishers,
        IValueLists lists,
        bytes32 circuitId,
        address admin,
        Policy memory first
    ) {
        if (admin == address(0)) revert ZeroAddress();
        verifiers.resolve(circuitId);
        VERIFIERS = verifiers;
        PUBLISHERS = publishers;
        LISTS = lists;
        CIRCUIT_ID = circuitId;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(POLICY_ROLE, admin);
        _setPolicy(first);
    }

    /// @inheritdoc IIdentityGate
    function setPolicy(Policy calldata next) external onlyRole(POLICY_ROLE) {
        _setPolicy(next);
    }

    /// @inheritdoc IIdentityGate
    function setIssuer(uint64 issuerId, bool accepted, uint64 revocationsList) external onlyRole(POLICY_ROLE) {
        // Reverts if the issuer or the list does not exist: a mistyped id would accept whoever registers next.
        PUBLISHERS.publisherOf(issuerId);
        LISTS.listOf(revocationsList);
        Issuer storage issuer = _issuers[issuerId];
        if (issuer.accepted && !accepted) issuer.withdrawnAt = uint64(block.timestamp);
        issuer.accepted = accepted;
        issuer.revocationsList = revocationsList;
        emit IssuerSet(issuerId, accepted, revocationsList);
    }

    /// @inheritdoc IIdentityGate
    function endPasses() external onlyRole(POLICY_ROLE) {
        _endedAt = uint64(block.timestamp);
        _endedBlock = uint64(block.number);
        emit PassesEnded(uint64(block.timestamp));
    }

    /// @inheritdoc IIdentityGate
    function pass(address account, Statement calldata statement, Groth16Proof calldata proof) external {
        uint256 nullifier = statement.nullifier;
        _requireFree(nullifier, account);
        uint256[11] memory signals = signalsOf(account, statement);
        IIdentityVerifier verifier = IIdentityVerifier(VERIFIERS.resolve(CIRCUIT_ID));
        if (!verifier.verifyProof(proof.a, proof.b, proof.c, signals)) revert InvalidProof(account, nullifier);

        uint64 until = uint64((uint256(statement.day) + _policy.passDays) * 1 days);
        _accounts[nullifier] = account;
        _passes[account] = Pass({
            until: until,
            since: uint64(block.timestamp),
            issuerId: statement.issuerId,
            keyId: statement.keyId,
            nullifier: nullifier
        });
        emit Passed(account, nullifier, statement.issuerId, until);
    }

    /// @inheritdoc IIdentityGate
    function isPassed(address account) external view returns (bool) {
        Pass storage found = _passes[account];
        if (!_isCurrent(found)) return false;
        Issuer storage issuer = _issuers[found.issuerId];
        if (!issuer.accepted || found.since <= issuer.withdrawnAt) return false;
        return !PUBLISHERS.isRevoked(found.keyId) && !VERIFIERS.isRevoked(CIRCUIT_ID);
    }

    /// @inheritdoc IIdentityGate
    function policy() external view returns (Policy memory) {
        return _policy;
    }

    /// @inheritdoc IIdentityGate
    function issuerOf(uint64 issuerId) external view returns (Issuer memory) {
        return _issuers[issuerId];
    }

    /// @inheritdoc IIdentityGate
    function passOf(address account) external view returns (Pass memory) {
        return _passes[account];
    }

    /// @inheritdoc IIdentityGate
    function accountOf(uint256 nullifier) external view returns (address) {
        return _accounts[nullifier];
    }

    /// @inheritdoc IIdentityGate
    function signalsOf(
        address account,
        Statement calldata statement
    ) public view returns (uint256[11] memory signals) {
        Policy memory asked = _policy;
        Issuer memory issuer = _issuers[statement.issuerId];
        if (!issuer.accepted) revert IssuerNotAccepted(statement.issuerId);
        // A proof is about residues. Each alias of a nullifier would give the same person another account.
        if (statement.nullifier >= Bn254.SCALAR_ORDER) revert SignalOutOfField(statement.nullifier);
        uint256 today = block.timestamp / 1 days;
        uint256 day = statement.day;
        if (day > today || day + 1 < today) revert DayNotCurrent(day, today);
        uint64 rootAge = _maxRootAge(asked.rootSeconds);
        LISTS.requireRecent(asked.sanctionsList, statement.sanctionsRoot, rootAge);
        LISTS.requireRecent(issuer.revocationsList, statement.revocationsRoot, rootAge);

        // The tag 0 leaves the key's y unchanged. Reverts unless the key belongs to the issuer, is one for circuits, and is valid now.
        signals[0] = uint256(PUBLISHERS.signedCommitment(statement.issuerId, statement.keyId, 0));
        signals[1] = statement.sanctionsRoot;
        signals[2] = statement.revocationsRoot;
        signals[3] = application();
        signals[4] = statement.nullifier;
        signals[5] = contextOf(account, statement.challengeBlock);
        uint256 bornBy = CivilDate.fromDay(day) - uint256(asked.minAge) * 10_000;
        signals[6] = (bornBy << 32) | CivilDate.fromDay(day + asked.passDays);
        for (uint256 i = 0; i < 4; ++i) signals[7 + i] = asked.countries[i];
    }

    /// @inheritdoc IIdentityGate
    function contextOf(address account, uint64 challengeBlock) public view returns (uint256) {
        uint256 max = _policy.challengeBlocks;
        bool isRecent = challengeBlock < block.number && block.number - challengeBlock <= max;
        bytes32 hash = blockhash(challengeBlock);
        if (!isRecent || hash == 0) revert ChallengeNotRecent(challengeBlock, block.number, max);
        if (challengeBlock < _endedBlock) revert ChallengeBeforeEnd(challengeBlock, _endedBlock);
        return uint256(keccak256(abi.encode(block.chainid, address(this), account, challengeBlock, hash))) >> 8;
    }

    /// @inheritdoc IIdentityGate
    function application() public view returns (uint256) {
        return uint256(keccak256(abi.encode(block.chainid, address(this)))) >> 8;
    }

    function _setPolicy(Policy memory next) private {
        if (next.minAge > MAX_AGE) revert InvalidPolicy(0, next.minAge, MAX_AGE);
        if (next.passDays == 0 || next.passDays > MAX_PASS_DAYS) revert InvalidPolicy(1, next.passDays, MAX_PASS_DAYS);
        if (next.rootSeconds > MAX_ROOT_SECONDS) revert InvalidPolicy(2, next.rootSeconds, MAX_ROOT_SECONDS);
        if (next.challengeBlocks == 0 || next.challengeBlocks > MAX_CHALLENGE_BLOCKS) {
            revert InvalidPolicy(3, next.challengeBlocks, MAX_CHALLENGE_BLOCKS);
        }
        LISTS.listOf(next.sanctionsList);
        for (uint256 i = 0; i < 4; ++i) {
            if (next.countries[i] >> WORD_BITS != 0) revert InvalidPolicy(5 + i, next.countries[i], (1 << WORD_BITS) - 1);
        }
        _policy = next;
        emit PolicySet(next);
    }

    function _requireFree(uint256 nullifier, address account) private view {
        if (account == address(0)) revert ZeroAddress();
        Pass storage own = _passes[account];
        // Otherwise somebody else's proof could put the account under another issuer, and withdrawing that issuer would end the
        // account's pass.
        if (own.nullifier != nullifier && _isCurrent(own) && msg.sender != account) {
            revert AccountHasPass(account, own.nullifier);
        }
        address other = _accounts[nullifier];
        if (other == address(0) || other == account) return;
        Pass storage held = _passes[other];
        // The other account may meanwhile have a pass under another nullifier.
        if (held.nullifier == nullifier && _isCurrent(held)) revert NullifierTaken(nullifier, other, held.until);
    }

    /// @dev Refuses roots that were replaced when passes were ended, or before, so that what was listed then counts at once. A pass
    /// made in the very second of the end is over (_isCurrent), whatever root it was proven against.
    function _maxRootAge(uint64 rootSeconds) private view returns (uint64) {
        uint64 sinceEnd = uint64(block.timestamp) - _endedAt;
        if (sinceEnd == 0) return 0;
        return sinceEnd <= rootSeconds ? sinceEnd - 1 : rootSeconds;
    }

    function _isCurrent(Pass storage found) private view returns (bool) {
        return block.timestamp < found.until && found.since > _endedAt;
    }
}
