// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Groth16Proof} from "./IGroth16Verifier.sol";

/// @dev What the gate stores, and its errors.
interface IIdentityGateTypes {
    error ZeroAddress();
    error InvalidPolicy(uint256 field, uint256 found, uint256 max);
    error IssuerNotAccepted(uint64 issuerId);
    error SignalOutOfField(uint256 found);
    /// @notice The block of the challenge is not one of the last `max`.
    error ChallengeNotRecent(uint256 found, uint256 current, uint256 max);
    /// @notice Passes were ended in block `endedBlock`, after the challenge.
    error ChallengeBeforeEnd(uint256 found, uint256 endedBlock);
    /// @notice The statement's day is neither today nor yesterday.
    error DayNotCurrent(uint256 found, uint256 today);
    /// @notice The person has passed with another account, until `until`.
    error NullifierTaken(uint256 nullifier, address account, uint64 until);
    /// @notice The account has a pass as another person, and is not the sender.
    error AccountHasPass(address account, uint256 nullifier);
    error InvalidProof(address account, uint256 nullifier);

    /// @param minAge Years; 0 asks for none. At most 150.
    /// @param passDays How long a pass lasts; the credential must be good on its last day. 1 … 366.
    /// @param rootSeconds How long a replaced root of a list is still taken. At most a day.
    /// @param challengeBlocks How many blocks ago the picture may have been asked for. 1 … 256.
    /// @param sanctionsList In the registry of lists: the document must not be on it.
    /// @param countries Bitmap of ISO 3166-1 numeric codes, 250 to a word.
    struct Policy {
        uint8 minAge;
        uint16 passDays;
        uint32 rootSeconds;
        uint16 challengeBlocks;
        uint64 sanctionsList;
        uint256[4] countries;
    }

    /// @param revocationsList The list of the issuer's revoked credentials.
    /// @param withdrawnAt Unix seconds of the last withdrawal, 0 if there was none: earlier passes stay ended.
    struct Issuer {
        bool accepted;
        uint64 revocationsList;
        uint64 withdrawnAt;
    }

    /// @notice What a prover chooses; the gate makes the public signals of it.
    /// @param issuerId, keyId In the registry of publishers: whose key, of kind EddsaPoseidon, signed the credential.
    /// @param challengeBlock Its hash is in what the camera signed.
    /// @param day Days since 1970-01-01, UTC, on which the proof was made.
    struct Statement {
        uint64 issuerId;
        uint64 keyId;
        uint64 challengeBlock;
        uint32 day;
        uint256 sanctionsRoot;
        uint256 revocationsRoot;
        uint256 nullifier;
    }

    struct Pass {
        /// Unix seconds: good before.
        uint64 until;
        uint64 since;
        uint64 issuerId;
        uint64 keyId;
        uint256 nullifier;
    }
}

/// @title A gate that lets people through on a proof of identity
/// @notice A proof shows that an accepted issuer certified a document and a face; that a camera, which the credential names, has just
/// taken a picture near that face, for this account; that the document is not sanctioned and the credential neither revoked nor
/// about to expire; and that age and country are what the policy asks for. It shows nothing else. One person has one account at a time.
interface IIdentityGate is IIdentityGateTypes {
    event PolicySet(Policy policy);
    event IssuerSet(uint64 indexed issuerId, bool accepted, uint64 revocationsList);
    event PassesEnded(uint64 since);
    event Passed(address indexed account, uint256 indexed nullifier, uint64 indexed issuerId, uint64 until);

    /// @notice Sets what later proofs must show. Passes stand; `endPasses` ends them.
    function setPolicy(Policy calldata policy) external;

    /// @notice Accepts an issuer, or stops accepting it, which ends the passes that rest on it: accepting it again does not bring them
    /// back.
    function setIssuer(uint64 issuerId, bool accepted, uint64 revocationsList) external;

    /// @notice Ends all passes so far: after a change of policy, or an urgent listing. Proofs made before end with them. A later one
    /// must have a challenge of the end's block or a later one, and roots of lists that are current or were replaced after the end.
    /// @dev List first, then end: the root that stands when passes end is the oldest one that is taken.
    function endPasses() external;

    /// @notice Gives `account` a pass. Anyone may bring the proof: it names the account. Only the account itself may replace a pass
    /// that it has as another person.
    /// @dev Where the person's last account still has a pass, another account has none. The same account may renew.
    function pass(address account, Statement calldata statement, Groth16Proof calldata proof) external;

    /// @notice Whether the account has a pass that is good now: not over, not ended, its issuer accepted ever since, and neither the
    /// issuer's key nor the circuit revoked.
    function isPassed(address account) external view returns (bool);

    /// @notice The public signals that a proof for `account` must have. Reverts as `pass` would on anything but the proof.
    function signalsOf(address account, Statement calldata statement) external view returns (uint256[11] memory);

    /// @notice What a camera signs for: the account, this gate, and a recent block.
    function contextOf(address account, uint64 challengeBlock) external view returns (uint256);

    /// @notice What nullifiers are computed for.
    function application() external view returns (uint256);

    function policy() external view returns (Policy memory);

    function issuerOf(uint64 issuerId) external view returns (Issuer memory);

    function passOf(address account) external view returns (Pass memory);

    /// @notice The account that last passed under the nullifier.
    function accountOf(uint256 nullifier) external view returns (address);
}
