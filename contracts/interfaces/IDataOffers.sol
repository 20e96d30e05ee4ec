// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Groth16Proof} from "./IGroth16Verifier.sol";
import {IAdmission} from "./IAdmission.sol";
import {IPullPayments} from "./IPullPayments.sol";

/// @dev Errors of data offers.
interface IDataOffersErrors {
    error UnknownOffer(uint256 offerId);
    error ZeroAddress(bytes32 field);
    /// @notice Offers come from keepers with a registration, and so with stake.
    error NotKeeper(address account);
    /// @notice `field` lies outside `min` … `max`.
    error TermOutOfRange(bytes32 field, uint256 found, uint256 min, uint256 max);
    error WrongPayment(uint256 found, uint256 expected);
    /// @notice The seller offered this root before: the same samples are not sold twice. Offers of others with the root show as copies.
    error RootTaken(bytes32 root, uint256 offerId);
    error NotSeller(uint256 offerId, address caller);
    error NotServiceAdmin(address service, address caller);
    error UnexpectedStatus(uint256 offerId, IDataOffersTypes.Status found);
    /// @notice The service has admitted another offer of this seller, which no improvement has decided yet.
    error OfferStands(uint256 offerId);
    error OfferExpired(uint256 offerId, uint256 expiredAt);
    error TooEarly(uint256 found, uint256 first);
    /// @notice No campaign has paid the seller for a version that the service accepted after it admitted the data, or less than `minEarned`.
    error NotImproved(uint256 offerId);
    error NotPadding(uint256 offerId, uint256 index);
    error ClaimNotFallen(uint256 claimId, address seller);
    error ClaimReported(uint256 claimId);
    error InvalidProof();
    /// @notice The commitment is not leaf `index` of the offer's root, or was attested already.
    error NotLeaf(uint256 offerId, uint256 index);
    /// @notice The maker has another root now, or none: devices were removed.
    error DevicesChanged(address maker, bytes32 found, bytes32 expected);
    /// @notice Counters of this device up to `last` are in an attestation already.
    error SamplesReplayed(address maker, uint256 device, uint64 first, uint64 last);
    error KeyNotListed(address maker, bytes32 keyHash);
    error SignatureInvalid(address maker, bytes32 keyHash);
}

/// @dev Types of data offers.
interface IDataOffersTypes is IDataOffersErrors {
    enum Status {
        None,
        Open,
        /// A service has admitted it and put its price up.
        Admitted,
        /// An improvement was proven, and the seller has the price.
        Proven,
        /// None was in time, and the service has its price back.
        Unproven,
        /// Its size was false, and the deposit is lost.
        Struck,
        /// The seller has its deposit back.
        Retired
    }

    /// @param schema keccak256 of the canonical description of a sample, of which `uri` has the text.
    /// @param root Of a tree of `size` leaves as the pools of a claim registry have it: leaf i is keccak256 of the salted commitment of
    /// sample, or batch, i.
    /// @param maker Whose devices, or key, attest to the samples; zero: none.
    /// @param price Wei that a service puts up, and the seller gets when an improvement is proven.
    /// @param expiresAt Unix seconds: no service admits it after that.
    /// @param proveSeconds In which an improvement must be paid once it is admitted.
    /// @param minEarned Wei that campaigns of the service must have paid the seller since, at least 1.
    struct Terms {
        bytes32 schema;
        bytes32 root;
        uint32 size;
        address maker;
        uint96 price;
        uint48 expiresAt;
        uint32 proveSeconds;
        uint96 minEarned;
        string uri;
    }

    /// @param copyOf The first offer of the same root, by another seller; 0: this one. @param earnedBefore Wei that campaigns of the service had
    /// paid the seller when it was admitted. @param attested Samples under proofs of devices, of `devices` alone. @param keyHash Of the maker's P-256 key that signed the offer; 0: none did.
    /// @param devices The maker's root at the last proof.
    struct Offer {
        address seller;
        Status status;
        uint48 offeredAt;
        uint48 admittedAt;
        uint32 attested;
        bytes32 keyHash;
        bytes32 devices;
        address service;
        address buyer;
        uint256 copyOf;
        uint256 earnedBefore;
        uint256 deposit;
        Terms terms;
    }

    /// @notice What a proof says of samples that one device signed.
    /// @param device Index of its key in the maker's tree. @param first, last Of the counters, which rise strictly.
    struct Summary {
        uint16 device;
        uint16 count;
        uint48 first;
        uint48 last;
        uint32 min;
        uint32 max;
        uint48 sum;
    }

    /// @notice What became of a seller's offers.
    /// @param since Unix seconds of its first offer. @param fallen Claims of its that fell.
    struct Reputation {
        uint48 since;
        uint32 offers;
        uint32 proven;
        uint32 unproven;
        uint32 struck;
        uint32 fallen;
    }
}

/// @dev Events of data offers.
interface IDataOffersEvents is IDataOffersTypes {
    event Offered(uint256 indexed offerId, address indexed seller, bytes32 indexed schema, Terms terms);
    event DevicesListed(address indexed maker, bytes32 root);
    event KeyListed(address indexed maker, bytes32 indexed keyHash, bool listed);
    event Attested(uint256 indexed offerId, uint256 indexed index, address indexed maker, Summary summary);
    event KeyAttested(uint256 indexed offerId, address indexed maker, bytes32 keyHash);
    event BoughtIn(uint256 indexed offerId, address indexed service, address indexed buyer, uint256 price);
    event Released(uint256 indexed offerId, uint256 paid);
    event Refunded(uint256 indexed offerId, uint256 paid);
    event Struck(uint256 indexed offerId, uint256 index, address by);
    event Retired(uint256 indexed offerId, uint256 deposit);
    event FallenReported(address indexed seller, uint256 indexed claimId);
}

/// @title Offers of data: a keeper offers, a service admits, proofs decide what follows
/// @notice The data stays with the keeper: a service that buys in lets the keeper train on it as a member (IAdmission), and puts the price up.
/// The seller gets it when a campaign of the service has paid it for a proven improvement; else the service has it back. An offer carries
/// attestations: proofs that devices of a maker signed its samples, or the maker's signature over the whole.
interface IDataOffers is IDataOffersEvents, IPullPayments, IAdmission {
    /// @notice Offers data with `depositOf()` sent. Registered keepers only.
    function offer(Terms calldata terms) external payable returns (uint256 offerId);

    /// @notice A maker lists its devices: the root of the Poseidon tree of their keys, which replaces the one before. A place in the tree
    /// belongs to one device for good; that of a removed one is left empty.
    function listDevices(bytes32 root) external;

    /// @notice A maker lists, or takes back, a P-256 key: keccak256 of its two coordinates.
    function listKey(bytes32 keyHash, bool listed) external;

    /// @notice Proves that a device of the maker signed the samples of leaf `index`. The seller. Signals: the maker's root, the leaf's commitment,
    /// the packed summary, `contextOf`.
    function attest(
        uint256 offerId,
        uint256 index,
        uint256 commitment,
        Summary calldata summary,
        bytes32[] calldata path,
        Groth16Proof calldata proof
    ) external;

    /// @notice The maker's P-256 signature of `offerDigest`. Anybody.
    function attestByKey(
        uint256 offerId,
        bytes32 qx,
        bytes32 qy,
        bytes32 r,
        bytes32 s
    ) external;

    /// @notice Admits the seller with its data to a service, and puts the price up. Administrators of a registered service.
    function buyIn(uint256 offerId, address service) external payable;

    /// @notice Gives the price to the seller once the service has paid it `minEarned` since `buyIn`, and for the
    /// proven improvement of a version accepted after it. Anybody.
    function release(uint256 offerId) external;

    /// @notice Gives the price back when no improvement was paid in time. Anybody.
    function refund(uint256 offerId) external;

    /// @notice Shows that a leaf below the stated size is padding. Takes the deposit: three quarters go to the caller, the rest to the treasury.
    /// A price that was put up goes back.
    function disproveSize(uint256 offerId, uint256 index, bytes32[] calldata path) external;

    /// @notice Records that a claim of a seller's fell. Anybody, once a claim.
    function reportFallen(address seller, uint256 claimId) external;

    /// @notice Gives the deposit back: of an offer that nobody admitted after it has expired, of another one `CHALLENGE_SECONDS` after its end.
    function retire(uint256 offerId) external;

    function offerOf(uint256 offerId) external view returns (Offer memory);

    function offerCount() external view returns (uint256);

    function reputationOf(address seller) external view returns (Reputation memory);

    /// @notice Whether the maker still lists what attested to the offer.
    function isAttestationCurrent(uint256 offerId) external view returns (bool);

    /// @notice The maker's root; zero for none.
    function devicesOf(address maker) external view returns (bytes32);

    function isKeyListed(address maker, bytes32 keyHash) external view returns (bool);

    /// @notice Last counter of a device that an attestation has used, plus 1.
    function counterOf(address maker, uint256 device) external view returns (uint64);

    /// @notice The fourth signal of an attestation's proof: it binds chain, contract, seller, offer and leaf.
    function contextOf(address seller, uint256 offerId, uint256 index) external view returns (uint256);

    /// @notice What a maker's key signs (SHA-256).
    function offerDigest(uint256 offerId) external view returns (bytes32);

    /// @notice Wei of an offer's deposit.
    function depositOf() external view returns (uint256);
}
