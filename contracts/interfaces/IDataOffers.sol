// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Groth16Proof} from "./IGroth16Verifier.sol";
import {IAdmission} from "./IAdmission.sol";
import {IPullPayments} from "./IPullPayments.sol";

/// @dev Errors of data offers.
interface IDataOffersErrors {
    error UnknownOffer(uint256 offerId);
    error ZeroAddress(bytes32 field);
    /// @notice Only registered keepers can offer data, so every seller has stake.
    error NotKeeper(address account);
    /// @notice `field` lies outside `min` … `max`.
    error TermOutOfRange(bytes32 field, uint256 found, uint256 min, uint256 max);
    error WrongPayment(uint256 found, uint256 expected);
    /// @notice The seller has offered this root before, and the same samples are not sold twice. Another seller's offer of the same root is
    /// recorded as a copy.
    error RootTaken(bytes32 root, uint256 offerId);
    error NotSeller(uint256 offerId, address caller);
    error NotServiceAdmin(address service, address caller);
    error UnexpectedStatus(uint256 offerId, IDataOffersTypes.Status found);
    /// @notice The service has admitted another offer of this seller, and it is not decided yet whether that one improved the model.
    error OfferStands(uint256 offerId);
    error OfferExpired(uint256 offerId, uint256 expiredAt);
    error TooEarly(uint256 found, uint256 first);
    /// @notice No campaign has paid the seller for a version that the service accepted after it admitted the data, or campaigns have paid
    /// it less than `minEarned` since.
    error NotImproved(uint256 offerId);
    error NotPadding(uint256 offerId, uint256 index);
    error ClaimNotFallen(uint256 claimId, address seller);
    error ClaimReported(uint256 claimId);
    error InvalidProof();
    /// @notice The commitment is not leaf `index` of the offer's root, or it was attested before.
    error NotLeaf(uint256 offerId, uint256 index);
    /// @notice The maker has listed another root since, or none: it has removed devices.
    error DevicesChanged(address maker, bytes32 found, bytes32 expected);
    /// @notice An attestation has already used this device's counters up to `last`.
    error SamplesReplayed(address maker, uint256 device, uint64 first, uint64 last);
    error KeyNotListed(address maker, bytes32 keyHash);
    error SignatureInvalid(address maker, bytes32 keyHash);
}

/// @dev Types of data offers.
interface IDataOffersTypes is IDataOffersErrors {
    enum Status {
        None,
        Open,
        /// A service has admitted the offer and has put up its price.
        Admitted,
        /// An improvement was proven, and the price has gone to the seller.
        Proven,
        /// No improvement was proven in time, and the price has gone back to the service.
        Unproven,
        /// The stated size was shown to be false, and the deposit is lost.
        Struck,
        /// The deposit has gone back to the seller.
        Retired
    }

    /// @param schema keccak256 of the canonical description of a sample. The text is at `uri`.
    /// @param root Of a tree of `size` leaves, built like the pools of a claim registry: leaf i is keccak256 of the salted commitment to
    /// sample, or batch, i.
    /// @param maker The account whose devices, or key, attest to the samples; zero: none.
    /// @param price Wei that a service puts up. It goes to the seller when an improvement is proven.
    /// @param expiresAt Unix seconds; after that no service can admit the offer.
    /// @param proveSeconds Seconds after the admission within which an improvement must be paid.
    /// @param minEarned Wei that campaigns of the service must have paid the seller since the admission; at least 1.
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

    /// @param copyOf The first offer of the same root, by another seller; 0 if this is the first. @param earnedBefore Wei that campaigns of
    /// the service had paid the seller when the offer was admitted.
    /// @param attested Number of samples attested by devices, all under the root `devices`. @param keyHash Of the maker's P-256 key that
    /// signed the offer; 0: none did.
    /// @param devices The maker's root at the last attestation by a device.
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

    /// @notice What a proof states about samples that one device signed.
    /// @param device Index of the device's key in the maker's tree. @param first, last Of the samples' counters, which rise strictly.
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
    /// @param since Unix seconds of its first offer. @param fallen Claims of the seller that fell.
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
/// @notice The data stays with the keeper. A service that buys an offer admits the keeper as a member, which trains on the data
/// (IAdmission), and puts up the price. The price goes to the seller when a campaign of the service has paid it for a proven improvement,
/// and otherwise back to the service. An offer carries attestations: proofs that a maker's devices signed its samples, or the maker's
/// signature over all of it.
interface IDataOffers is IDataOffersEvents, IPullPayments, IAdmission {
    /// @notice Offers data. The ether sent must be `depositOf()`. Only registered keepers may.
    function offer(Terms calldata terms) external payable returns (uint256 offerId);

    /// @notice A maker lists its devices by the root of the Poseidon tree of their keys. The new root replaces the old one. A place in the
    /// tree belongs to one device for good: the place of a removed device stays empty.
    function listDevices(bytes32 root) external;

    /// @notice A maker lists, or takes back, a P-256 key, given as keccak256 of its two coordinates.
    function listKey(bytes32 keyHash, bool listed) external;

    /// @notice Proves that a device of the maker signed the samples of leaf `index`. Only the seller may. The signals are the maker's root,
    /// the leaf's commitment, the packed summary and `contextOf`.
    function attest(
        uint256 offerId,
        uint256 index,
        uint256 commitment,
        Summary calldata summary,
        bytes32[] calldata path,
        Groth16Proof calldata proof
    ) external;

    /// @notice Records the maker's P-256 signature of `offerDigest`. Anybody may.
    function attestByKey(
        uint256 offerId,
        bytes32 qx,
        bytes32 qy,
        bytes32 r,
        bytes32 s
    ) external;

    /// @notice Admits the seller with its data to a service. The ether sent is the price. Only administrators of a registered service may.
    function buyIn(uint256 offerId, address service) external payable;

    /// @notice Gives the price to the seller, once the service's campaigns have paid it `minEarned` since `buyIn`, and have paid it for the
    /// proven improvement of a version that was accepted after `buyIn`. Anybody may.
    function release(uint256 offerId) external;

    /// @notice Gives the price back to the service if no improvement was paid in time. Anybody may.
    function refund(uint256 offerId) external;

    /// @notice Shows that a leaf below the stated size is padding. Three quarters of the deposit go to the caller, the rest to the
    /// treasury. If a service has put up the price, it gets that back.
    function disproveSize(uint256 offerId, uint256 index, bytes32[] calldata path) external;

    /// @notice Records that a claim by the seller has fallen. Anybody may, once for each claim.
    function reportFallen(address seller, uint256 claimId) external;

    /// @notice Gives the deposit back: after the expiry if nobody admitted the offer, otherwise `CHALLENGE_SECONDS` after the offer ended.
    function retire(uint256 offerId) external;

    function offerOf(uint256 offerId) external view returns (Offer memory);

    function offerCount() external view returns (uint256);

    function reputationOf(address seller) external view returns (Reputation memory);

    /// @notice Whether the maker still lists the devices or the key that attested to the offer.
    function isAttestationCurrent(uint256 offerId) external view returns (bool);

    /// @notice The maker's root of devices; zero for none.
    function devicesOf(address maker) external view returns (bytes32);

    function isKeyListed(address maker, bytes32 keyHash) external view returns (bool);

    /// @notice The last counter of the device that an attestation has used, plus 1.
    function counterOf(address maker, uint256 device) external view returns (uint64);

    /// @notice The fourth signal of a device's attestation. It binds chain, contract, seller, offer and leaf.
    function contextOf(address seller, uint256 offerId, uint256 index) external view returns (uint256);

    /// @notice The digest (SHA-256) that a maker's key signs.
    function offerDigest(uint256 offerId) external view returns (bytes32);

    /// @notice Deposit for an offer, in wei.
    function depositOf() external view returns (uint256);
}
