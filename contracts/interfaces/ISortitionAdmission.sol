// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceTypes} from "./ILearningServiceTypes.sol";
import {IAdmission} from "./IAdmission.sol";

/// @title Draws the members of each epoch among many candidates
/// @notice Candidates put up a bond before a seed decides which of them may take a seat. docs/adr/0011-sortition.md has the argument.
interface ISortitionAdmission is IAdmission {
    error TermOutOfRange(bytes32 field, uint256 found, uint256 min, uint256 max);
    error NotKeeper(address caller, address keeper);
    error AlreadyEnlisted(address keeper);
    error NotEnlisted(address keeper);
    /// @notice A draw is live: as long as its candidates may still take seats, no other draw can be opened, and those whom it binds cannot
    /// delist.
    error DrawLive(uint32 number);
    /// @notice All seats are taken or reserved.
    error NoFreeSeats(uint256 max);
    /// @notice The service is not registering members.
    error NotRegistering(ILearningServiceTypes.State found);
    error TooFewCandidates(uint256 found, uint256 min);
    /// @notice There is no draw that waits for its seed.
    error NothingToSettle(uint32 number);
    error SeedTooEarly(uint256 found, uint48 seedBlock);
    /// @notice Fewer than `patience` seconds are left for the drawn before registration closes. If too few are seated then, registration
    /// opens again.
    error SettledTooLate(uint256 timestamp, uint256 until);
    /// @notice The candidates whom the draw reaches have until `until` to take their seats, or the draw already reaches all.
    error NothingToExtend(uint32 number, uint256 until);
    /// @notice Absence can be reported only after registration has closed, during the epoch for which the draw was made, and only until key
    /// generation begins again. A banned candidate cannot be reported, and nobody can if the service's parameters have changed since the
    /// draw was opened.
    error NotReportable(uint32 number, ILearningServiceTypes.State found, uint32 epoch);
    error NotDrawn(uint32 number, address keeper);
    error NotAbsent(address keeper);

    /// @param bond Stake that a candidate puts up here, in wei of the stake token; ≥ 1. It is the price of one more identity in the draw.
    /// @param absencePenalty Taken from the bond of a candidate that was drawn and did not take its seat; ≤ bond.
    /// @param minCandidates Least number of candidates for a draw; ≥ 2.
    /// @param patience Seconds for which the seats are reserved for the drawn; ≥ 1. Each time they have passed, `extendDraw` admits as many
    /// more candidates as seats are left, in the order of the draw.
    /// @param delay Blocks between a draw's opening and its seed, 1 … 128.
    struct Terms {
        uint96 bond;
        uint96 absencePenalty;
        uint32 minCandidates;
        uint32 patience;
        uint16 delay;
    }

    /// @notice The last draw.
    /// @param number From 1; 0 if there was no draw yet. @param epoch The service's epoch when the draw was opened: the one before that of
    /// the drawn.
    /// @param round The service's round when the draw was opened. The draw is live until the next round begins.
    /// @param candidates How many take part. @param size Seats to fill. @param seedBlock The seed comes from a block after this one.
    /// @param reach Candidates whose rank is below this may take seats; 0 until the seed is fixed.
    /// @param since Unix seconds at which the seed was fixed, or the draw was last extended; 0 until then.
    struct Draw {
        uint32 number;
        uint32 epoch;
        uint32 round;
        uint32 candidates;
        uint16 size;
        uint16 reach;
        uint48 seedBlock;
        uint40 since;
        bytes32 seed;
    }

    /// @notice The facts that a candidate reads in each block, in one answer.
    /// @param rank The candidate's rank in the last draw, from 0; type(uint256).max if it is not among the first MAX_RANK.
    /// @param position Among the candidates, from 0; meaningful only with `enlisted`. @param mayJoin Whether the candidate may take a seat
    /// now.
    /// @param canOpen Whether `openDraw` would succeed. @param canSettle Whether `settleDraw` would. @param canExtend Whether `extendDraw`
    /// would.
    /// @param live Whether the draw is live.
    struct Look {
        bool enlisted;
        bool canOpen;
        bool canSettle;
        bool canExtend;
        bool live;
        bool mayJoin;
        uint256 rank;
        uint256 position;
        uint256 candidates;
        Draw draw;
    }

    event Enlisted(address indexed keeper, uint256 position);
    event Delisted(address indexed keeper);
    event DrawOpened(uint32 indexed number, uint32 candidates, uint16 size, uint48 seedBlock);
    event DrawSettled(uint32 indexed number, bytes32 seed);
    /// @param reach Candidates whose rank is below this may take seats now.
    event DrawExtended(uint32 indexed number, uint16 reach);
    event Absent(uint32 indexed number, address indexed keeper, uint256 taken);

    /// @notice The keeper or its operator. Makes the keeper a candidate in draws that are opened from now on. Its owner must have opted in
    /// to this contract at the registry.
    function enlist(address keeper) external;

    /// @notice The keeper or its operator. Makes the keeper a candidate no longer. Refused while a live draw has drawn it, or has no seed
    /// yet and could draw it. The bond stays slashable for an unbonding delay.
    function delist(address keeper) external;

    /// @notice Anyone, while the service registers members; a registration that is due is recorded first. Fixes who takes part. Refused if
    /// the registration window is shorter than `patience`.
    function openDraw() external;

    /// @notice Anyone, in a block after `seedBlock`. Fixes the seed.
    function settleDraw() external;

    /// @notice Anyone, when `patience` seconds have passed and seats are left: admits the next ranks, as many as there are seats left. So
    /// nobody gets a seat by being faster than others.
    function extendDraw() external;

    /// @notice Anyone, from the close of registration to the end of the epoch. The candidate was drawn but has no seat: it pays the
    /// penalty, and is a candidate no longer.
    function reportAbsence(address keeper) external;

    /// @notice See Look.
    function look(address keeper) external view returns (Look memory);

    /// @notice The candidates with ranks below `count`, in the order of the last draw, even if others have left since. Zero in place of one
    /// that is a candidate no longer. Takes count² steps.
    function drawn(uint256 count) external view returns (address[] memory);

    function lastDraw() external view returns (Draw memory);

    function terms() external view returns (Terms memory);

    function candidateCount() external view returns (uint256);

    /// @notice The candidate at a position. Positions change when a candidate leaves.
    function candidateAt(uint256 position) external view returns (address);
}
