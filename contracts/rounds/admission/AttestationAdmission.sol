// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {IAdmission} from "../../interfaces/IAdmission.sol";

/// @title Admits keepers that have an issuer's attestation, each for the party that the attestation names
/// @notice The issuer signs off-chain, anyone presents the attestation here, and the issuer can withdraw it. An attestation names
/// its service, so that an attestation for a small service does not admit a keeper to a large one.
contract AttestationAdmission is IAdmission, EIP712 {
    /// @param until Unix seconds; the attestation admits while block.timestamp ≤ until.
    /// @param number Number of the attestation among those for its keeper and service. A lower one never replaces a higher one.
    struct Attestation {
        address service;
        address keeper;
        bytes32 party;
        uint64 until;
        uint64 number;
    }

    struct Held {
        bytes32 party;
        uint64 until;
        uint64 number;
    }

    bytes32 private constant ATTESTATION_TYPE =
        keccak256("Attestation(address service,address keeper,bytes32 party,uint64 until,uint64 number)");

    /// @notice The issuer: a key, or a contract that checks signatures by ERC-1271.
    address public immutable ISSUER;
    mapping(address service => mapping(address keeper => Held)) private _held;

    event Presented(address indexed service, address indexed keeper, bytes32 indexed party, uint64 until, uint64 number);
    event Withdrawn(address indexed service, address indexed keeper, uint64 number);

    error ZeroAddress(bytes32 field);
    error NotIssuer(address caller);
    /// @notice The issuer has not signed this attestation.
    error AttestationInvalid(address service, address keeper);
    error AttestationExpired(uint64 until, uint256 timestamp);
    /// @notice An attestation with this number or a higher one was already presented, or withdrawn by the issuer.
    error AttestationSuperseded(uint64 number, uint64 found);

    constructor(address issuer_) EIP712("Cohort AttestationAdmission", "1") {
        if (issuer_ == address(0)) revert ZeroAddress("issuer");
        ISSUER = issuer_;
    }

    /// @notice Presents an attestation. Anyone may.
    function present(Attestation calldata attestation, bytes calldata signature) external {
        if (block.timestamp > attestation.until) revert AttestationExpired(attestation.until, block.timestamp);
        Held storage held = _held[attestation.service][attestation.keeper];
        if (attestation.number <= held.number) revert AttestationSuperseded(attestation.number, held.number);
        if (!SignatureChecker.isValidSignatureNow(ISSUER, digestOf(attestation), signature)) {
            revert AttestationInvalid(attestation.service, attestation.keeper);
        }
        (held.party, held.until, held.number) = (attestation.party, attestation.until, attestation.number);
        emit Presented(
            attestation.service,
            attestation.keeper,
            attestation.party,
            attestation.until,
            attestation.number
        );
    }

    /// @notice Issuer only. Withdraws all its attestations for the keeper up to `number`, presented or not.
    function withdraw(address service, address keeper, uint64 number) external {
        if (msg.sender != ISSUER) revert NotIssuer(msg.sender);
        Held storage held = _held[service][keeper];
        if (number < held.number) revert AttestationSuperseded(number, held.number);
        (held.party, held.until, held.number) = (bytes32(0), 0, number);
        emit Withdrawn(service, keeper, number);
    }

    /// @notice EIP-712 digest that the issuer signs, in the domain ("Cohort AttestationAdmission", "1", chain, this contract).
    function digestOf(Attestation calldata attestation) public view returns (bytes32) {
        return
            _hashTypedDataV4(
                keccak256(
                    abi.encode(
                        ATTESTATION_TYPE,
                        attestation.service,
                        attestation.keeper,
                        attestation.party,
                        attestation.until,
                        attestation.number
                    )
                )
            );
    }

    /// @inheritdoc IAdmission
    function admit(address service, address keeper) external view returns (bool admitted, bytes32 party) {
        Held storage held = _held[service][keeper];
        return (block.timestamp <= held.until, held.party);
    }
}
