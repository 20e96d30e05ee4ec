// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Groth16Proof} from "./IGroth16Verifier.sol";

/// @dev What the gate stores, and its errors.
interface IIdentityGateTypes {
    error ZeroAddress();
    error InvalidPolicy(uint256 field, uint256 found, uint256 max);
    error IssuerNotAccepted(uint64 issuerId);
    error SignalOutOfField(uint256 found);
    /// @notice The challenge's block is not among the last `max` blocks.
    error ChallengeNotRecent(uint256 found, uint256 current, uint256 max);
    /// @notice All passes were ended in block `endedBlock`, after the block of the challenge.
    error ChallengeBeforeEnd(uint256 found, uint256 endedBlock);
    /// @notice The statement's day is neither today nor yesterday.
    error DayNotCurrent(uint256 found, uint256 today);
    /// @notice The same person has a pass on another account, until `until`.
    error NullifierTaken(uint256 nullifier, address account, uint64 until);
    /// @notice The account has a pass under another nullifier. Only the account itself may replace that.
    error AccountHasPass(address account, uint256 nullifier);
    error InvalidProof(address account, uint256 nullifier);

    /// @param minAge Years, at most 150; 0 sets no minimum.
    /// @param passDays Days for which a pass lasts, 1 … 366. The credential must still be valid on the last of them.
    /// @param rootSeconds Seconds for which a list's root is still accepted after it was replaced; at most a day.
    /// @param challengeBlocks Greatest age of the challenge that the camera answered, in blocks; 1 … 256.
    /// @param sanctionsList Id, in the registry of lists, of the list that the document must not be on.
    /// @param countries Bitmap of ISO 3166-1 numeric codes, 250 to a word.
    struct Policy {
        uint8 minAge;
        uint16 passDays;
        uint32 rootSeconds;
        uint16 challengeBlocks;
        uint64 sanctionsList;
        uint256[4] countries;
    }

    /// @param revocationsList Id of the list of the issuer's revoked credentials.
    /// @param withdrawnAt Unix seconds at which the issuer was last withdrawn; 0 if never. Passes from before stay ended.
    struct Issuer {
        bool accepted;
        uint64 revocationsList;
        uint64 withdrawnAt;
    }

    /// @notice The part of a proof's statement that the prover chooses. The gate derives the public signals from it.
    /// @param issuerId, keyId The issuer and its key (of kind EddsaPoseidon) that signed the credential, in the registry of publishers.
    /// @param challengeBlock The block whose hash is part of what the camera signed.
    /// @param day The day on which the proof was made, in days since 1970-01-01 (UTC).
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
        /// Unix seconds; the pass is valid before this time.
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

    /// @notice Sets what later proofs must show. Existing passes stay valid; `endPasses` ends them.
    function setPolicy(Policy calldata policy) external;

    /// @notice Accepts an issuer, or stops accepting it. The latter ends the passes that rest on it, and accepting it again does not
    /// bring them back.
    function setIssuer(uint64 issuerId, bool accepted, uint64 revocationsList) external;

    /// @notice Ends all existing passes: after a change of policy, or an urgent listing. Proofs made before the call no longer count. A
    /// later proof needs a challenge from the block of this call or a later one, and roots of lists that are current or were replaced
    /// after the call.
    /// @dev First change the list, then end the passes: the root in force when passes end is the oldest root that later proofs can use.
    function endPasses() external;

    /// @notice Gives `account` a pass. Anyone may submit the proof, because it names the account. A pass that the account has under
    /// another nullifier can be replaced only by the account itself.
    /// @dev While one account of a person has a pass, another account cannot get one. The same account may renew its pass.
    function pass(address account, Statement calldata statement, Groth16Proof calldata proof) external;

    /// @notice Whether the account has a pass that is valid now: it has neither expired nor been ended, its issuer has been accepted
    /// ever since, and neither the issuer's key nor the circuit is revoked.
    function isPassed(address account) external view returns (bool);

    /// @notice The public signals that a proof for `account` must have. Reverts like `pass`, but does not check a proof.
    function signalsOf(address account, Statement calldata statement) external view returns (uint256[11] memory);

    /// @notice The context that a camera signs: it binds the account, this gate and a recent block.
    function contextOf(address account, uint64 challengeBlock) external view returns (uint256);

    /// @notice The application for which nullifiers are computed.
    function application() external view returns (uint256);

    function policy() external view returns (Policy memory);

    function issuerOf(uint64 issuerId) external view returns (Issuer memory);

    function passOf(address account) external view returns (Pass memory);

    /// @notice The account that last passed under the nullifier.
    function accountOf(uint256 nullifier) external view returns (address);
}
